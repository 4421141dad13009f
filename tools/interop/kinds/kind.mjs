/**
 * How a kind of file is read, converted and run, and the result for one file. `compared` is undefined if there is no result of another program.
 *
 * @typedef {object} Look
 * @property {string | undefined} [read]
 * @property {string | undefined} [converted]
 * @property {string | undefined} [run]
 * @property {boolean | undefined} [compared]
 * @property {string} [reference]
 * @property {string | undefined} [figures]
 * @property {string} [rejected]
 * @property {unknown[]} [differ]
 *
 * @typedef {(file: string, entry: import("../fetch-file.mjs").PublishedFile, places: { cache: string, scratch: string }) => Promise<Look>} Kind
 */
export {};
