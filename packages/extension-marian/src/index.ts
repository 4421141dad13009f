/** Imports models in Marian's own format. */
import { defineExtension, type Extension } from "@slm/extensions";
import { marian } from "./marian-importer.js";

const extension: Extension = defineExtension({ name: "slm-marian", importers: { marian } });
export default extension;
