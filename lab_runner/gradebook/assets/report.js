"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const pages = [...document.querySelectorAll(".page")];

  const show = () => {
    const named = document.getElementById(location.hash.slice(1));
    const page = (named && named.closest(".page")) || pages[0];
    for (const one of pages) one.classList.toggle("shown", one === page);
    for (const link of document.querySelectorAll(".bar nav a")) {
      link.classList.toggle("here", link.hash === "#" + page.id);
    }
    if (named && named !== page) named.scrollIntoView();
    else window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", show);
  show();

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
  const players = new Map();
  const playerOf = async (terminal) => {
    if (players.has(terminal.id)) return players.get(terminal.id);
    const screen = terminal.querySelector(".screen");
    const data = await unpacked(terminal.querySelector(".cast").textContent.trim());
    const player = AsciinemaPlayer.create({ data }, screen, {
      cols: Number(screen.dataset.cols),
      rows: Number(screen.dataset.rows),
      markers: JSON.parse(screen.dataset.markers),
      idleTimeLimit: 2,
      preload: true,
      fit: "width",
      controls: true,
    });
    players.set(terminal.id, player);
    return player;
  };
  const play = async (button) => {
    const terminal = document.getElementById(button.dataset.cast);
    const player = await playerOf(terminal);
    terminal.scrollIntoView({ block: "center" });
    await player.play();
    if (button.dataset.from) {
      // Idle time is cut out, so places are found by their marks, not by the clock.
      const from = Number(button.dataset.from);
      const marks = JSON.parse(terminal.querySelector(".screen").dataset.markers);
      const at = marks.findIndex((mark) => Math.abs(mark[0] - from) < 0.01);
      await player.seek(at < 0 ? 0 : { marker: at });
      await player.play();
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cast]");
    if (button) play(button);
  });
})();
