/** A text field that hides the settings of a page that do not contain its text, and the sections without settings left. */
import { defineComponent, h } from "vue";

function filterSettings(text: string): void {
  const wanted = text.trim().toLowerCase();
  for (const list of document.querySelectorAll<HTMLElement>(".vp-doc h2 ~ ul")) {
    const items = [...list.querySelectorAll<HTMLElement>("li")];
    for (const item of items) item.hidden = !item.textContent.toLowerCase().includes(wanted);
    list.hidden = items.every(({ hidden }) => hidden);
    const heading = list.previousElementSibling;
    if (heading instanceof HTMLElement) heading.hidden = list.hidden;
  }
}

export const SettingFilter = defineComponent({
  render: () =>
    h("input", {
      class: "setting-filter",
      type: "search",
      placeholder: "Filter all settings",
      "aria-label": "Filter all settings",
      onInput: ({ target }: { target: HTMLInputElement }) => {
        filterSettings(target.value);
      },
    }),
});
