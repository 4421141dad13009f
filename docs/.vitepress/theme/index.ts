/** VitePress's own theme, with a model that answers on the first page and a filter for the settings of recipes. */
import { withBase } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { h, type App, type VNode } from "vue";
import { SettingFilter } from "./setting-filter.js";
import "./style.css";

export default {
  extends: DefaultTheme,
  Layout: (): VNode =>
    h(DefaultTheme.Layout, null, {
      "home-hero-image": () =>
        h("iframe", {
          class: "live-page",
          // `npm run docs` writes this page with `slm deploy --to web`.
          src: withBase("/g2p/index.html"),
          loading: "lazy",
          title: "A model that writes the phonemes of English words in this browser",
        }),
    }),
  enhanceApp({ app }: { readonly app: App }): void {
    app.component("SettingFilter", SettingFilter);
  },
};
