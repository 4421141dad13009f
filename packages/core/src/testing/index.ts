export { drawFaults } from "./draw-faults.js";
export { startFaultProxy, type Fault, type FaultKind, type FaultProxy } from "./fault-proxy.js";
export { repository, repositoryFiles } from "./repository-files.js";
export { startFetchServer, type FetchServer } from "./fetch-server.js";
export { LOOPBACK_CERTIFICATE } from "./loopback-certificate.js";
export { startTunnel, type Tunnel } from "./tunnel.js";
export { temporaryFolder } from "./temporary-folder.js";
export { withCode } from "./with-code.js";
