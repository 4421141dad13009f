/** The worker of a site whose model runs on ONNX Runtime. */
import { answerPage } from "./answer-page.js";
import { openGraphs } from "./open-graphs.js";

answerPage({ engine: "onnxruntime", openers: { onnxruntime: openGraphs } });
