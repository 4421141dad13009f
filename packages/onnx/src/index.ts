export { attributeOf, float, floats, int, ints, subgraph, tensor, text, texts } from "./attributes.js";
export { GraphBuilder, type NodeOptions } from "./builder.js";
export { checkGraph } from "./check.js";
export { decodeModel, decodeOutline } from "./decode.js";
export { ONNX_DTYPES, dtypeOfCode, elementCount, type OnnxDType } from "./dtypes.js";
export { encodeAddition, encodeModel, type GraphAddition } from "./encode.js";
export { readOnnx, writeOnnx, writeOnnxSet } from "./files.js";
export { fixSizes, isSymbol, sizeTemplates, symbolsOf, type FixedSizes } from "./fix-sizes.js";
export type {
  AttributeValue,
  Graph,
  GraphNode,
  Initializer,
  ModelOutline,
  OutputInfo,
  Subgraph,
  TensorValue,
  UntypedValue,
  ValueInfo,
} from "./graph.js";
export { GraphIndex } from "./graph-index.js";
export { weightBytes } from "./graph-size.js";
export { assertInPlaceSafe, type InPlacePair } from "./in-place.js";
export { encodeLinked, readLinked, type LinkedGraph } from "./linked.js";
export { nodesAfter, reachableNodes } from "./reach.js";
export { float16Value, readNumbers } from "./read-numbers.js";
export { modelFiles, readOutline } from "./read-outline.js";
export { removeDeadCode } from "./rewrite/dead-code.js";
export { liftConstants } from "./rewrite/lift-constants.js";
export { optimizeGraph } from "./rewrite/optimize.js";
export { shorten } from "./shorten.js";
export { standardNode } from "./standard-node.js";
export { sortNodes } from "./topology.js";
export { capturesOf, subgraphsOf, valuesRead } from "./uses.js";
export { packValues, readIntegers } from "./values.js";
