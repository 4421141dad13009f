/** Single operators over element type, rank, shape, attributes and QDQ form. */
export async function* probes() {}
