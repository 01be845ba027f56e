// Plots, their switches, and nothing else. What a reader chose is kept by name, so that it outlives a redraw.
const prunelab = (() => {
  const PAPER_WIDTH = 660;  // a plot wider than the sheet would be cut off
  const NARROWEST_CELL = 42;  // pixels: the numbers of a heat map are left out where they would overlap
  const CONFIG = { responsive: true, displayModeBar: false };
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");
  const dark = read("dark");
  let plots = read("plots");

  const choices = new Map();  // by figure: the scale, and the names that are hidden
  const chosen = new Set();  // figures picked from their groups
  const choiceOf = (key) => choices.get(key) ?? choices.set(key, { scale: "log", hidden: new Set() }).get(key);

  const recolour = (value) => {
    if (typeof value === "string") return dark[value] ?? value;
    if (Array.isArray(value)) return value.map(recolour);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, recolour(v)]));
    return value;
  };

  const shown = ({ key, figure, linear }, width, inDark) => {
    const coloured = inDark ? recolour : structuredClone.bind(window);
    const { scale, hidden } = choiceOf(key);
    const { data, layout } = coloured(figure);
    if (scale === "linear" && linear) layout.xaxis = coloured(linear);
    layout.uirevision = scale;  // a reader's zoom stays until the scale changes
    for (const trace of data) {
      trace.visible = !(trace.meta?.groups ?? []).some((name) => hidden.has(name));
      if (trace.type === "heatmap" && width / trace.x.length < NARROWEST_CELL) trace.texttemplate = "";
    }
    return { data, layout };
  };

  let printing = false;  // what changes meanwhile, as the width of the page does, must not undo it
  const draw = ({ only = null } = {}) => {
    const inDark = wantsDark.matches && !printing, widest = printing ? PAPER_WIDTH : Infinity;
    for (const plot of plots) {
      const place = document.getElementById(plot.id);
      if ((only && plot.key !== only) || place.closest("[hidden]")) continue;
      const { data, layout } = shown(plot, place.clientWidth, inDark);
      if (place.clientWidth > widest) layout.width = widest;
      Plotly.react(place, data, layout, CONFIG);
    }
  };

  // The buttons and figures of the page as the reader's choices have them.
  const sync = () => {
    for (const figure of document.querySelectorAll("figure")) {
      const { scale, hidden } = choiceOf(figure.id);
      for (const button of figure.querySelectorAll("[data-series]")) button.ariaPressed = String(!hidden.has(button.dataset.series));
      for (const button of figure.querySelectorAll("[data-scale]")) button.ariaPressed = String(scale === button.dataset.scale);
    }
    for (const group of document.querySelectorAll(".group")) {
      const buttons = [...group.querySelectorAll("[data-shows]")];
      const picked = buttons.find((button) => chosen.has(button.dataset.shows)) ?? buttons[0];
      for (const button of buttons) {
        button.ariaPressed = String(button === picked);
        document.getElementById(button.dataset.shows).hidden = button !== picked && !printing;  // paper has no buttons: all of them
      }
    }
  };

  const names = (figure) => [...figure.querySelectorAll("[data-series]")].map((button) => button.dataset.series);
  const toggle = (figure, name, alone) => {
    const { hidden } = choiceOf(figure.id);
    const others = names(figure).filter((other) => other !== name);
    if (!alone) return void (hidden.delete(name) || hidden.add(name));
    const isAlone = !hidden.has(name) && others.every((other) => hidden.has(other));
    hidden.clear();
    if (!isAlone) others.forEach((other) => hidden.add(other));
  };
  const pick = (button) => {
    for (const other of button.closest(".group").querySelectorAll("[data-shows]")) chosen.delete(other.dataset.shows);
    chosen.add(button.dataset.shows);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-series], [data-scale], [data-shows]");
    if (!button) return;
    const figure = button.closest("figure"), { series, scale, shows } = button.dataset;
    if (series !== undefined) toggle(figure, series, event.shiftKey);
    if (scale !== undefined) choiceOf(figure.id).scale = scale;
    if (shows !== undefined) pick(button);
    sync();
    draw({ only: shows ?? figure.id });
  });

  // A link to a figure that another of its group covers brings it up.
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const button = target?.hidden && document.querySelector(`[data-shows="${CSS.escape(target.id)}"]`);
    if (!button) return;
    button.click();
    target.scrollIntoView();
  };

  draw();
  follow();
  addEventListener("hashchange", follow);
  wantsDark.addEventListener("change", () => draw());
  matchMedia("(max-width: 52rem)").addEventListener("change", () => draw());
  const print = (begins) => {
    printing = begins;
    sync();
    draw();
  };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  return { redraw: (newer) => { plots = newer; sync(); draw(); } };
})();
