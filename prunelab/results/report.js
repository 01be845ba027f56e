(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const plots = read("plots"), dark = read("dark");
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");
  const recolour = (value) => {
    if (typeof value === "string") return dark[value] ?? value;
    if (Array.isArray(value)) return value.map(recolour);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, recolour(v)]));
    return value;
  };
  const config = { responsive: true, displayModeBar: false };
  // Numbers in the cells of a heat map are dropped where a cell is narrower than its number.
  const thin = (id, figure) => {
    for (const trace of figure.data) {
      if (trace.type === "heatmap" && document.getElementById(id).clientWidth / trace.x.length < 42) trace.texttemplate = "";
    }
    return figure;
  };
  const PAPER_WIDTH = 660;  // a plot wider than the sheet would be cut off
  const draw = (inDark, widest = Infinity) => {
    for (const { id, figure } of plots) {
      const shown = thin(id, inDark ? recolour(figure) : structuredClone(figure));
      const width = document.getElementById(id).clientWidth;
      if (width > widest) shown.layout.width = widest;
      Plotly.react(id, shown.data, shown.layout, config);
    }
  };
  draw(wantsDark.matches);
  wantsDark.addEventListener("change", () => draw(wantsDark.matches));
  matchMedia("(max-width: 52rem)").addEventListener("change", () => draw(wantsDark.matches));
  addEventListener("beforeprint", () => draw(false, PAPER_WIDTH));
  addEventListener("afterprint", () => draw(wantsDark.matches));
})();
