import { connectionEnv, workerEnv } from "@showcase/contracts";
import { z } from "zod";

export const managerEnv = {
  ...connectionEnv,
  SUBTITLE_STORAGE_PATH: workerEnv.SUBTITLE_STORAGE_PATH,
  API_HOST: z.string().default("127.0.0.1").describe("the address to listen on, such as 127.0.0.1 or 0.0.0.0"),
  API_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(3000)
    .describe("the port to listen on, 0 to 65535 (0: a free port)"),
  API_TOKEN: z
    .string()
    .regex(/^[!-~][ -~]{14,}[!-~]$/)
    .optional()
    .describe(
      "the token that every call of the API needs, at least 16 characters of ASCII without a space at the ends",
    ),
  API_REQUESTS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .default(600)
    .describe("the maximum number of requests per minute for each client address"),
  API_CONNECTIONS_PER_ADDRESS: z.coerce
    .number()
    .int()
    .min(1)
    .default(250)
    .describe(
      "the maximum number of open connections for each client address; behind a proxy, all clients have one address",
    ),
};
