/** Image of an app. */
export interface Image {
  readonly app: "manager" | "downloader" | "translator";
  /** Path of its Dockerfile in the copy. */
  readonly dockerfile: string;
  /** Arguments of its entry point. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Images of a service, with the folder of its compose file in the copy. */
export interface Service {
  readonly name: string;
  readonly composeFolder: string;
  readonly images: readonly Image[];
  /** Folder of the finished files in the containers. */
  readonly storage: string;
}

const APPS = ["manager", "downloader", "translator"] as const;

export const services: readonly Service[] = [
  {
    name: "templates",
    composeFolder: ".",
    storage: "/storage",
    images: APPS.map((app) => ({ app, dockerfile: "Dockerfile", args: [app], env: { STORAGE_PATH: "/storage" } })),
  },
  {
    name: "showcase",
    composeFolder: "showcase",
    storage: "/subtitles",
    images: APPS.map((app) => ({
      app,
      dockerfile: `showcase/${app}/Dockerfile`,
      args: [],
      env: {
        SUBTITLE_STORAGE_PATH: "/subtitles",
        SUBTITLE_LIBRARY_PATH: "/service/samples/library",
        TRANSLATION_MEMORY_PATH: "/service/samples/memory.en-es.tmx",
      },
    })),
  },
];

/** Service to build and start. */
export interface Setting {
  readonly service: Service;
  /** Folder of the templates and the showcase. */
  readonly copy: string;
  /** Temporary folder. */
  readonly folder: string;
}
