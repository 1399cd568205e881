// Loaded before the program of a client process. With a mutant of the library's code, it edits the modules of the packages.
import { registerHooks } from "node:module";
import { mutants } from "../mutants.js";
import { LIBRARY_EDITED, type Settings } from "./settings.js";

const { mutant }: Pick<Settings, "mutant"> = JSON.parse(process.argv[2] ?? "");
const edit = mutant === null ? null : mutants[mutant].libraryEdit;
if (edit !== null) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.includes("/packages/queue/dist/") || loaded.source === undefined) return loaded;
      const source =
        typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
      if (!edit.find.test(source)) return loaded;
      // The journal must not exist before the program handles signals, so the program writes this to it.
      process.env[LIBRARY_EDITED] = "1";
      return { ...loaded, source: source.replace(edit.find, edit.replace) };
    },
  });
}
