/** A stylesheet that Vite adds to the page. */
declare module "*.css";
