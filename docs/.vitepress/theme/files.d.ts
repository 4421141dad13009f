/** Files that Vite imports: the address of a picture, and a stylesheet that it adds to the page. */
declare module "*.png" {
  const address: string;
  export default address;
}
declare module "*.css";
