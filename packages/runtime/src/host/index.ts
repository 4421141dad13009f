export { DirectChannel, type HostChannel, type RepeatCall, type Repetition, type Tell } from "./channel.js";
export { changedBytes, WEIGHTS_FOLDER } from "./file-bytes.js";
export { HostRuntime, type HostRuntimeOptions } from "./host-runtime.js";
export { isLeftToCpu, WHOLE_GRAPH } from "./protocol.js";
export type {
  Host,
  LoadedSignature,
  PositionalRepeat,
  PositionalResult,
  PositionalRun,
  RepeatedResult,
  ReplyOf,
  RequestOf,
  SessionSettings,
} from "./protocol.js";
export { runLoop } from "./run-loop.js";
export { RemoteChannel, type RemoteHost } from "./remote-channel.js";
export { serveHost, type HostPort } from "./serve-host.js";
export {
  fromWireError,
  toWireError,
  type CallMessage,
  type RepeatMessage,
  type ReplyMessage,
  type StopMessage,
  type WireError,
} from "./wire.js";
