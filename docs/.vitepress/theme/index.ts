/** VitePress's own theme, with a picture on the first page and a filter for the settings of recipes. */
import DefaultTheme from "vitepress/theme";
import { h, type App, type VNode } from "vue";
import picture from "../../page.png";
import { SettingFilter } from "./setting-filter.js";
import "./style.css";

export default {
  extends: DefaultTheme,
  Layout: (): VNode =>
    h(DefaultTheme.Layout, null, {
      "home-hero-image": () =>
        h("img", {
          class: "image-src hero-picture",
          src: picture,
          alt: "A word and the phonemes that the model wrote",
        }),
    }),
  enhanceApp({ app }: { readonly app: App }): void {
    app.component("SettingFilter", SettingFilter);
  },
};
