// Asks the server whether records have arrived, and if so renews the page in place.
(() => {
  const EVERY = 2000;  // milliseconds
  const status = document.getElementById("live");
  let version = status.dataset.version, readAt = new Date(status.dataset.readAt), gone = null, trouble = "";

  const say = () => {
    const read = `records read at ${readAt.toLocaleTimeString()}`;
    const words = !gone ? `Live: ${read}.` : `${trouble} since ${gone.toLocaleTimeString()}. Shown are the ${read}.`;
    if (status.textContent !== words) status.textContent = words;  // a reader is told of changes alone
    status.classList.toggle("gone", gone !== null);
  };

  // How an element of the page is found again once the page was made anew.
  const NAMED = ["id", "data-series", "data-scale", "data-shows", "href", "aria-label", "aria-labelledby"];
  const selector = (element) => {
    const figure = element.closest("figure");
    const named = NAMED.filter((name) => element.hasAttribute(name)).map((name) => `[${name}="${CSS.escape(element.getAttribute(name))}"]`);
    return named.length ? `${figure && figure !== element ? `#${CSS.escape(figure.id)} ` : ""}${element.localName}${named.join("")}` : null;
  };
  const captionOf = (details) => details.querySelector("caption")?.textContent;
  const anchor = () => [...document.querySelectorAll("main h2, main h3, main caption")].find((e) => e.getBoundingClientRect().top > 0);
  const like = (element) => element && [...document.querySelectorAll(`main ${element.localName}`)].find((e) => e.textContent === element.textContent);

  const replace = (newer) => {
    const main = document.getElementById("main"), fresh = document.importNode(newer.getElementById("main"), true);
    const focused = main.contains(document.activeElement) ? selector(document.activeElement) : null;
    const summary = document.activeElement.localName === "summary" ? captionOf(document.activeElement.parentElement) : null;
    const open = new Set([...main.querySelectorAll("details[open]")].map(captionOf));
    const aside = [...main.querySelectorAll(".scroll, pre")].filter((e) => e.scrollLeft && selector(e)).map((e) => [selector(e), e.scrollLeft]);
    const mark = anchor(), before = mark?.getBoundingClientRect().top, top = scrollY;
    const kept = new Set();
    for (const place of fresh.querySelectorAll(".plot")) {
      const old = document.getElementById(place.id);
      if (!old) continue;
      old.setAttribute("aria-label", place.getAttribute("aria-label"));
      old.style.minHeight = place.style.minHeight;
      kept.add(old);
      place.replaceWith(old);  // the drawn plot stays, with the reader's zoom
    }
    for (const old of main.querySelectorAll(".plot")) if (!kept.has(old)) Plotly.purge(old);
    for (const details of fresh.querySelectorAll("details")) details.open = open.has(captionOf(details));
    main.replaceChildren(...fresh.childNodes);
    document.querySelector("header").replaceChildren(...document.importNode(newer.querySelector("header"), true).childNodes);
    document.title = newer.title;
    prunelab.redraw(JSON.parse(newer.getElementById("plots").textContent));
    for (const [found, left] of aside) main.querySelector(found)?.scrollTo({ left, behavior: "instant" });
    const back = focused ? main.querySelector(focused) : null;
    const again = summary === null ? back : [...main.querySelectorAll("details")].find((e) => captionOf(e) === summary)?.querySelector("summary");
    again?.focus({ preventScroll: true });
    const now = like(mark)?.getBoundingClientRect().top;
    const moved = now === undefined || before === undefined ? 0 : now + scrollY - (before + top);
    scrollTo({ top: top + moved, behavior: "instant" });
  };

  const renew = async () => {
    const response = await fetch("./", { cache: "no-store" });
    if (!response.ok) throw new Error(await response.text());
    const newer = new DOMParser().parseFromString(await response.text(), "text/html");
    const { dataset } = newer.getElementById("live");
    replace(newer);
    version = dataset.version;
    readAt = new Date(dataset.readAt);
  };

  const look = async () => {
    try {
      const response = await fetch("version", { cache: "no-store", headers: { "If-None-Match": `"${version}"` } });
      if (response.status !== 304 && !response.ok) throw new Error(await response.text());
      if (response.status !== 304) await renew();
      gone = null;
    } catch (error) {
      trouble = error instanceof TypeError ? "The server is gone" : "The page could not be renewed";  // fetch's own errors are TypeErrors
      gone ??= new Date();
    }
    say();
    setTimeout(look, EVERY);
  };

  say();
  setTimeout(look, EVERY);
})();
