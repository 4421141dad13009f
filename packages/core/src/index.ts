export { canonicalJson, hashFile, hashJson, sha256 } from "./hashes/hash.js";
export { hashFolder } from "./artifact/hash-folder.js";
export {
  isTemporaryPath,
  replaceAtomic,
  syncDirectory,
  writeBytesAtomic,
  writeBytesUnflushed,
  writeJsonAtomic,
  writeTextAtomic,
} from "./files/atomic-write.js";
export { copyFiles } from "./files/copy-files.js";
export { INDEX_FILE } from "./artifact/folder-index.js";
export { movePath, removePath } from "./files/move-and-remove.js";
export { makeFolder } from "./files/make-folder.js";
export {
  newerVersion,
  readFailure,
  parsedJson,
  parseJsonText,
  readJsonFile,
  readTextFile,
} from "./files/read-json.js";
export { DEEPEST_JSON, isDeeperThan } from "./files/nesting.js";
export { ifThere, isFile, isThere } from "./files/presence.js";
export { openRegular, readRegular, requireRegular, streamRegular } from "./files/regular-file.js";
export { forbidRuntimeTelemetry } from "./runtime-telemetry.js";
export { requireWritable } from "./files/writable-directory.js";
export { isWriteRejection, systemCode, writeFailure } from "./errors/file-error.js";
export { PATH_FORMATS, pathOrIdSetting, pathSetting } from "./path-setting.js";
export {
  pathProblem,
  portableProblem,
  relativePath,
  resolveInside,
  storedPath,
} from "./files/relative-path.js";
export {
  MANIFEST_FILE,
  SIGNATURE_FILE,
  artifactInput,
  contentHash,
  ownManifestText,
  parseManifestText,
  readManifest,
  type ArtifactKind,
  type Manifest,
  type ManifestFile,
  type ManifestInput,
  type Origin,
} from "./artifact/manifest.js";
export { requireIntact } from "./artifact/intact.js";
export { knownHash } from "./hashes/known-hash.js";
export { isSealedFile, sealFile, UNSEALED } from "./hashes/sealed.js";
export { writeSealedJson } from "./hashes/sealed-json.js";
export { listFiles, verifyDirectory, type DirectoryProblem, type Verification } from "./artifact/verify.js";
export { partialPath, putInPlace, recoverArtifact, recoverLocked } from "./artifact/replace-artifact.js";
export { WORK_FILE, writeArtifact, type ArtifactSpec } from "./artifact/write-artifact.js";
export { withLock } from "./files/lock.js";
export { userCacheFolder } from "./files/user-cache.js";
export { JsonLog } from "./files/json-log.js";
export {
  SILENT,
  throwIfInterrupted,
  type Progress,
  type ProgressUpdate,
  type StageContext,
} from "./progress.js";
export { REINSTALL, SLM_VERSION } from "./version.js";
export { closing } from "./closing.js";
export { editDistance } from "./edit-distance.js";
export { ExtensionTable, rowName } from "./extension-table.js";
export { hostFilter, isLoopback } from "./allowed-hosts.js";
export { guardedFetch, type FetchGuard, type GuardedFetch } from "./network/guarded-fetch.js";
export { NetworkError, SilenceError } from "./network/network-error.js";
export * from "./errors.js";
