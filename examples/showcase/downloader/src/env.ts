import { delimiter } from "node:path";
import { workerEnv } from "@showcase/contracts";
import { z } from "zod";
import { openSubtitlesEnv } from "./opensubtitles/env.js";

export const downloaderEnv = {
  ...workerEnv,
  SUBTITLE_LIBRARY_PATH: z.string().describe("the folder of subtitle files, such as ./library"),
  MEDIA_PATH: z
    .string()
    .default("")
    .transform((folders) => folders.split(delimiter).filter((folder) => folder !== ""))
    .describe(`the folders of videos with subtitles next to them, separated by ${delimiter}`),
  ...openSubtitlesEnv,
};
