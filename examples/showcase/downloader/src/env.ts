import { delimiter } from "node:path";
import { workerEnv } from "@showcase/contracts";
import { z } from "zod";
import { openSubtitlesEnv } from "./opensubtitles/env.js";

export const downloaderEnv = {
  ...workerEnv,
  SUBTITLE_LIBRARY_PATH: z.string().describe("the folder of subtitle files to look in, such as ./library"),
  MEDIA_PATH: z
    .string()
    .default("")
    .transform((folders) => folders.split(delimiter).filter((folder) => folder !== ""))
    .describe(`the folders whose videos may have subtitles beside them, separated by ${delimiter}`),
  ...openSubtitlesEnv,
};
