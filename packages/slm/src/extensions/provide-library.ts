/** Makes this library available to extensions that import it by its name. */
import { provideLibrary } from "@slm/core/library";

provideLibrary(() => import("../library.js"));
