/** Layouts of an export. The module imports nothing, so that `slm export --help` starts fast. */

/** How files are named and which inputs they have: slm's own runtimes, or Hugging Face's transformers.js. */
export const EXPORT_LAYOUTS = ["native", "transformers.js"] as const;
export type ExportLayout = (typeof EXPORT_LAYOUTS)[number];
