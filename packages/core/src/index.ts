export { hashFile, hashJson, sha256 } from "./hash.js";
export { hashFolder } from "./hash-folder.js";
export {
  isTemporaryPath,
  replaceAtomic,
  syncDirectory,
  writeBytesAtomic,
  writeBytesUnflushed,
  writeJsonAtomic,
  writeTextAtomic,
} from "./atomic-write.js";
export { copyFiles } from "./copy-files.js";
export { INDEX_FILE } from "./folder-index.js";
export { makeFolder } from "./make-folder.js";
export { newerVersion, readFailure, parseJsonText, readJsonFile, readTextFile } from "./read-json.js";
export { DEEPEST_JSON, isDeeperThan } from "./nesting.js";
export { openRegular, readRegular, requireRegular, streamRegular } from "./regular-file.js";
export { forbidRuntimeTelemetry } from "./runtime-telemetry.js";
export { requireWritable } from "./writable-directory.js";
export { isWriteRejection, systemCode, writeFailure } from "./file-error.js";
export { PATH_FORMATS, pathOrIdSetting, pathSetting } from "./path-setting.js";
export { pathProblem, relativePath, resolveInside } from "./relative-path.js";
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
} from "./manifest.js";
export { requireIntact } from "./intact.js";
export { knownHash } from "./known-hash.js";
export { isSealedFile, seal, sealFile, UNSEALED } from "./sealed.js";
export { readSealedJson, writeSealedJson } from "./sealed-json.js";
export { listFiles, verifyDirectory, type DirectoryProblem, type Verification } from "./verify.js";
export {
  partialPath,
  putInPlace,
  recoverArtifact,
  recoverLocked,
  WORK_FILE,
  writeArtifact,
  type ArtifactSpec,
} from "./write-artifact.js";
export { withLock } from "./lock.js";
export { userCacheFolder } from "./user-cache.js";
export { JsonLog } from "./json-log.js";
export {
  SILENT,
  throwIfInterrupted,
  type Progress,
  type ProgressUpdate,
  type StageContext,
} from "./progress.js";
export { REINSTALL, SLM_VERSION } from "./version.js";
export { editDistance } from "./edit-distance.js";
export { ExtensionTable, rowName } from "./extension-table.js";
export { hostFilter } from "./allowed-hosts.js";
export { guardedFetch, type FetchGuard, type GuardedFetch } from "./guarded-fetch.js";
export { NetworkError, SilenceError } from "./network-error.js";
export * from "./errors.js";
