"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const pages = [...document.querySelectorAll(".page")];

  const show = () => {
    close();
    const named = document.getElementById(location.hash.slice(1));
    const page = (named && named.closest(".page")) || pages[0];
    for (const one of pages) one.classList.toggle("shown", one === page);
    for (const link of document.querySelectorAll(".bar nav a")) {
      link.classList.toggle("here", link.hash === "#" + page.id);
    }
    if (named && named !== page) named.scrollIntoView();
    else window.scrollTo(0, 0);
  };

  document.getElementById("print").addEventListener("click", () => {
    root.classList.add("everything");
    window.print();
  });
  window.addEventListener("afterprint", () => root.classList.remove("everything"));

  const table = document.querySelector("#marks tbody");
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const value = (row, column) => row.cells[column].dataset.value;
  for (const button of document.querySelectorAll("#marks .sort")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const one of head.parentNode.cells) one.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const rows = [...table.rows].sort((a, b) =>
        order.compare(value(a, head.cellIndex), value(b, head.cellIndex)));
      table.append(...(falling ? rows.reverse() : rows));
    });
  }
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of table.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });

  const unpacked = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const dock = document.getElementById("dock");
  const screen = dock.querySelector(".screen");
  let player = null;
  let playing = null;
  const close = () => {
    if (player) player.dispose();
    player = playing = null;
    dock.hidden = true;
  };
  const open = async (terminal) => {
    if (playing === terminal) return;
    close();
    playing = terminal;
    const { columns, lines } = terminal.dataset;
    const data = await unpacked(terminal.querySelector(".cast").textContent.trim());
    dock.querySelector(".title").textContent = terminal.querySelector("button").textContent;
    dock.hidden = false;
    // A letter is about 0.6 times as wide as high, a line 1.34 times; then the bar below.
    const height = screen.clientWidth * (lines * 1.34) / (columns * 0.6) + 40;
    screen.style.height = `${Math.min(height, window.innerHeight * 0.62)}px`;
    player = AsciinemaPlayer.create({ data }, screen, {
      cols: Number(columns),
      rows: Number(lines),
      idleTimeLimit: 2,
      fit: "both",
      controls: true,
    });
  };
  const play = async (button) => {
    const terminal = document.getElementById(button.dataset.cast);
    await open(terminal);
    // Idle time is cut out, so places are found by their marks, not by the clock.
    const from = Number(button.dataset.from || 0);
    const places = JSON.parse(terminal.dataset.places);
    const at = places.findIndex((place) => Math.abs(place - from) < 0.01);
    await player.seek(at < 0 ? 0 : { marker: at });
    await player.play();
  };
  document.getElementById("close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cast]");
    if (button) play(button);
  });

  window.addEventListener("hashchange", show);
  show();
})();
