/** What the map does in a browser. A text, because it goes into a page as it stands: no modules, nothing from outside. */
export const SCRIPT = `"use strict";
(() => {
  const { points, clusters } = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("map");
  const tip = document.getElementById("tip");
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const context = canvas.getContext("2d");
  const RADIUS = 3.5;
  const NEAR = 12;
  const colourOf = (k) => (k < 0 ? "#aaa" : "hsl(" + ((k * 137.508 + 215) % 360).toFixed(0) + " 65% " + (k % 2 ? 38 : 52) + "%)");
  const shown = new Map(clusters.map(({ id }) => [id, true]));
  let needle = "";
  let hovered = -1;
  let [scale, left, top] = [1, 0, 0]; // pixels = unit * scale + offset

  const bounds = points.reduce(([a, b, c, d], [x, y]) => [Math.min(a, x), Math.min(b, y), Math.max(c, x), Math.max(d, y)],
    [Infinity, Infinity, -Infinity, -Infinity]);
  const visible = ([, , k, text]) => shown.get(k) && (needle === "" || text.toLowerCase().includes(needle));
  const at = ([x, y]) => [x * scale + left, y * scale + top];

  function fit() {
    const [a, b, c, d] = bounds;
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    scale = 0.92 * Math.min(w / (c - a || 1), h / (d - b || 1));
    left = w / 2 - (scale * (a + c)) / 2;
    top = h / 2 - (scale * (b + d)) / 2;
  }

  let waiting = false;
  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const ratio = window.devicePixelRatio || 1;
      const [w, h] = [canvas.clientWidth, canvas.clientHeight];
      if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
        canvas.width = Math.round(w * ratio);
        canvas.height = Math.round(h * ratio);
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, w, h);
      const r = Math.min(9, RADIUS * Math.max(1, Math.sqrt(400 / points.length)));
      const dot = (point, radius) => {
        const [x, y] = at(point);
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fill();
      };
      context.globalAlpha = 0.8;
      for (const point of points) {
        if (!visible(point)) continue;
        context.fillStyle = colourOf(point[2]);
        dot(point, r);
      }
      context.globalAlpha = 1;
      if (hovered >= 0) {
        context.fillStyle = "#000";
        dot(points[hovered], r + 3);
        context.fillStyle = colourOf(points[hovered][2]);
        dot(points[hovered], r + 1.5);
      }
    });
  }

  function hover(x, y) {
    let least = NEAR * NEAR;
    hovered = -1;
    for (let i = 0; i < points.length; i++) {
      if (!visible(points[i])) continue;
      const [px, py] = at(points[i]);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) {
        least = distance;
        hovered = i;
      }
    }
    tip.hidden = hovered < 0;
    if (hovered >= 0) {
      const [, , k, text] = points[hovered];
      const cluster = clusters.find(({ id }) => id === k);
      tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: cluster.label }), document.createElement("br"), text);
      const room = canvas.clientWidth;
      tip.style.left = Math.max(8, Math.min(x + 14, room - tip.offsetWidth - 8)) + "px";
      tip.style.top = Math.max(8, Math.min(y + 14, canvas.clientHeight - tip.offsetHeight - 8)) + "px";
    }
    draw();
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let drag;
  canvas.addEventListener("pointerdown", (event) => {
    drag = place(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (drag) {
      left += x - drag[0];
      top += y - drag[1];
      drag = [x, y];
    }
    hover(x, y);
  });
  canvas.addEventListener("pointerup", () => (drag = undefined));
  canvas.addEventListener("pointerleave", () => {
    hovered = -1;
    tip.hidden = true;
    draw();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = place(event);
    const times = Math.exp(-event.deltaY / 400);
    scale *= times;
    left = x - (x - left) * times;
    top = y - (y - top) * times;
    hover(x, y);
  }, { passive: false });
  canvas.addEventListener("dblclick", () => {
    fit();
    draw();
  });
  search.addEventListener("input", () => {
    needle = search.value.toLowerCase();
    found.textContent = needle === "" ? "" : points.filter(visible).length + " found";
    draw();
  });

  const legend = document.getElementById("legend");
  for (const { id, label, size } of clusters) {
    const row = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    const colour = document.createElement("i");
    colour.style.background = colourOf(id);
    const count = Object.assign(document.createElement("small"), { textContent: size });
    row.append(box, colour, Object.assign(document.createElement("span"), { textContent: label }), count);
    box.addEventListener("change", () => {
      shown.set(id, box.checked);
      draw();
    });
    legend.append(row);
  }
  new ResizeObserver(() => {
    fit();
    draw();
  }).observe(canvas);
})();
`;

export const STYLE = `
html, body { height: 100%; margin: 0; font: 14px/1.4 system-ui, sans-serif; color: #222; background: #fff; }
body { display: grid; grid-template: auto minmax(0, 1fr) / minmax(0, 1fr) 18rem; }
header { grid-column: 1 / 3; padding: .6rem 1rem; border-bottom: 1px solid #ddd; }
h1 { display: inline; font-size: 1.1rem; margin-right: 1rem; }
main { position: relative; min-width: 0; }
canvas { width: 100%; height: 100%; display: block; touch-action: none; cursor: crosshair; }
#tip { position: absolute; max-width: 28rem; max-height: 14rem; overflow: hidden; padding: .4rem .6rem; background: #fff; border: 1px solid #999;
  border-radius: 4px; box-shadow: 0 2px 8px #0003; pointer-events: none; white-space: pre-wrap; overflow-wrap: anywhere; }
aside { overflow: auto; padding: .6rem 1rem; border-left: 1px solid #ddd; }
#search { width: 100%; box-sizing: border-box; font: inherit; padding: .3rem; }
#legend label { display: flex; gap: .5rem; align-items: center; padding: .15rem 0; }
#legend span { flex: 1; min-width: 0; overflow-wrap: anywhere; }
#legend i { width: .8rem; height: .8rem; border-radius: 50%; flex: none; }
@media (max-width: 50rem) { body { grid-template: auto minmax(0, 1fr) 35% / minmax(0, 1fr); } header { grid-column: 1; } aside { border: 0; border-top: 1px solid #ddd; } }
`;
