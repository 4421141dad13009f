/** What a run's own code needs of jobs before there is a queue: references to files, and errors of jobs. It loads neither BullMQ nor a client of Redis or S3. */
export { failureError } from "./queue/job-outcome.js";
export { fileRef } from "./storage/shared-files.js";
