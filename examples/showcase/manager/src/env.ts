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
    .describe("the port to listen on, 0 to 65535 (0: a free one)"),
  API_TOKEN: z.string().min(16).optional().describe("what every call of the API needs, at least 16 characters"),
  API_REQUESTS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .default(600)
    .describe("how many requests one address may make in a minute"),
  API_CONNECTIONS_PER_ADDRESS: z.coerce
    .number()
    .int()
    .min(1)
    .default(250)
    .describe("maximum number of open connections per client address; raise it behind a proxy, which has one address"),
};
