/** Whether graphs can be edited before they are loaded. A browser loads them unchanged from the server. */
export const EDITS_GRAPHS: boolean = true;
