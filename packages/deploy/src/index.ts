export { copyBundle } from "./bundle/copy.js";
export { BUNDLE_LIMITS, type BundleLimits } from "./bundle/limits.js";
export { BUNDLE_EXTENSION, bundleEntries, packBundle } from "./bundle/pack.js";
export { placeBundle } from "./bundle/place-directory.js";
export {
  checkSignature,
  readSignature,
  signBundle,
  type BundleSignature,
  type SignatureCheck,
} from "./bundle/signature.js";
export type { TarEntry } from "./bundle/tar-header.js";
export { unpackBundle } from "./bundle/unpack.js";
export { isPacked, verifyBundle, withBundleDirectory, type BundleCheck } from "./bundle/verify-bundle.js";
export type { CardBench, CardInput, CardMetric } from "./card-input.js";
export { deployConfig, type DeployConfig } from "./deploy-config.js";
export { deployToDirectory, type DeployInput, type Deployment } from "./deploy-to-directory.js";
export { modelCard, type BundledFile } from "./model-card.js";
export { pullBundle, type PullOptions, type Pulled } from "./oci/pull.js";
export { pushBundle, type PushOptions, type Pushed } from "./oci/push.js";
export { parseOciReference, type OciReference } from "./oci/reference.js";
export { registryCredentials, type Credentials } from "./oci/registry-client.js";
export {
  benchOnDevice,
  parseDeviceAddress,
  type DeviceAddress,
  type DeviceOptions,
} from "./targets/device.js";
export {
  checkHubRepository,
  uploadToHub,
  writeHubLayout,
  type HubUpload,
  type HubUploaded,
} from "./targets/hub.js";
export { writeNpmPackage, type NpmPackageOptions } from "./targets/npm-package.js";
export { writeServerFiles, type ServerFilesOptions } from "./targets/server-files.js";
export { SITE_FILE, writeWebSite, type WebSiteOptions } from "./targets/web-site.js";
