export { attributeOf, float, floats, int, ints, subgraph, tensor, text, texts } from "./attributes.js";
export { GraphBuilder, type GraphBuilderOptions, type NodeOptions, type NodeOutputs } from "./builder.js";
export { checkGraph } from "./check.js";
export { decodeModel, decodeOutline } from "./decode.js";
export { ONNX_DTYPES, dtypeOfCode, elementCount, tensorByteLength, type OnnxDType } from "./dtypes.js";
export { encodeAddition, encodeModel, type GraphAddition } from "./encode.js";
export {
  readOnnx,
  writeOnnx,
  writeOnnxSet,
  type ModelFile,
  type ReadOnnxOptions,
  type WriteOnnxOptions,
} from "./files.js";
export { fixSizes, isSymbol, sizeTemplates, symbolsOf, type FixedSizes } from "./fix-sizes.js";
export type {
  AttributeKinds,
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
export { GraphIndex, type NodeBody, type ValueProducer, type ValueUse } from "./graph-index.js";
export { weightBytes } from "./graph-size.js";
export { assertInPlaceSafe, type InPlacePair } from "./in-place.js";
export { nodesAfter, reachableNodes } from "./reach.js";
export { float16Value, readNumbers } from "./read-numbers.js";
export { modelFiles, readOutline } from "./read-outline.js";
export { liftConstants } from "./rewrite/lift-constants.js";
export { optimizeGraph } from "./rewrite/optimize.js";
export { shorten } from "./shorten.js";
export { sortNodes } from "./topology.js";
export { capturesOf, describeNode, subgraphsOf, valuesRead } from "./uses.js";
export { float16Bits, bfloat16Bits, packValues, readIntegers } from "./values.js";
export { IR_VERSIONS, OPSETS } from "./versions.js";
