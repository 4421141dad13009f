/** Size limits for parts of input files, so that hostile files cannot exhaust the memory. */

const MIB = 1024 * 1024;

/** Limit of a line [bytes]. */
export const MAX_LINE_BYTES = MIB;

/** Limit of a CSV record, which may have several lines [bytes]. */
export const MAX_RECORD_BYTES = MIB;

/** One text of a row [UTF-16 units]. */
export const MAX_TEXT_UNITS = MIB;

/** One image file [bytes]. */
export const MAX_IMAGE_BYTES = 64 * MIB;

/** Pixels of one image: enough for phone photos, and below the limit of `@slm/vision`. */
export const MAX_IMAGE_PIXELS = 50_000_000;

/** Columns of a table. */
export const MAX_COLUMNS = 4096;

/** Limit of a file that is read line by line [bytes]. */
export const MAX_FILE_BYTES = 1024 ** 4;

/** Limit of a JSON document, which is parsed as a whole [bytes]. */
export const MAX_DOCUMENT_BYTES = 256 * MIB;

/** The footer of a Parquet file [bytes]. */
export const MAX_FOOTER_BYTES = 64 * MIB;

/** One page of a Parquet column, decompressed [bytes]. Writers aim at 1 MiB; some write a page per row group. */
export const MAX_PAGE_BYTES = 256 * MIB;

/** Rows of one Parquet row group; one group is in memory at a time. Writers default to about a million. */
export const MAX_GROUP_ROWS = 2 ** 23;

/** One column of one row group in the file [bytes]. */
export const MAX_CHUNK_BYTES = 1024 * MIB;
