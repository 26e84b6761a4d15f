"use strict";
// The page says everything without this: it only lets a reader ask for a beam of their own, follow a trail
// through the graph, and print what is folded away.

const powers = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function shown(value) {
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(3));
  const exponent = Math.floor(Math.log10(Math.abs(rounded)));
  if (exponent > -4 && exponent < 4) return rounded.toFixed(Math.max(0, 2 - exponent)).replace("-", "−");
  const power = "10" + String(exponent).replace("-", "⁻").replace(/\d/g, (digit) => powers[digit]);
  const mantissa = Number((rounded / 10 ** exponent).toPrecision(3));
  return mantissa === 1 ? power : `${mantissa} × ${power}`;
}

// Between neighbours of the table, straight in logarithms: the rise is proportional to the dose rate.
function between(points, name, dose) {
  const right = Math.max(1, points.findIndex((point) => point.dose_rate >= dose));
  const [a, b] = [points[right - 1], points[right] ?? points[right - 1]];
  if (a[name] === null || b[name] === null) return null;
  if (a === b || a[name] <= 0 || b[name] <= 0) return a[name];
  const share = Math.log(dose / a.dose_rate) / Math.log(b.dose_rate / a.dose_rate);
  return a[name] * (b[name] / a[name]) ** share;
}

function marker(figure) {
  const circle = document.createElementNS(figure.namespaceURI, "circle");
  circle.setAttribute("r", "6");
  circle.setAttribute("class", "marker");
  figure.append(circle);
  return circle;
}

function mark(circle, figure, dose, rise) {
  const [left, right, top, bottom] = figure.dataset.box.split(" ").map(Number);
  const [x0, x1, y0, y1] = figure.dataset.span.split(" ").map((value) => Math.log(Number(value)));
  circle.setAttribute("cx", left + ((Math.log(dose) - x0) / (x1 - x0)) * (right - left));
  circle.setAttribute("cy", bottom - ((Math.log(rise) - y0) / (y1 - y0)) * (bottom - top));
}

function startDial(form) {
  const points = JSON.parse(form.dataset.points).sort((a, b) => a.dose_rate - b.dose_rate);
  const figure = document.querySelector(`svg[aria-label="${form.dataset.figure}"]`);
  const circle = marker(figure);
  const { rate, dose: doseText, rise: riseText } = form.elements;
  const doses = points.map((point) => Math.log10(point.dose_rate));
  [rate.min, rate.max] = [Math.min(...doses), Math.max(...doses)];
  rate.value = rate.max;
  const answer = () => {
    const energy = Number(form.elements.energy.value);
    const chosen = points.filter((point) => point.energy_keV === energy);
    const dose = 10 ** Number(rate.value);
    const [rise, low, high] = ["rise_K", "low_K", "high_K"].map((name) => between(chosen, name, dose));
    doseText.value = `${shown(dose)} e Å⁻² s⁻¹`;
    riseText.value = high === null ? `at least ${shown(low)} K` : `${shown(rise)} K (${shown(low)} to ${shown(high)})`;
    rate.setAttribute("aria-valuetext", doseText.value);
    mark(circle, figure, dose, high === null ? low : rise);
  };
  form.addEventListener("input", answer);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = rate.min === rate.max;
  answer();
}

// Everything before or after a box of the graph, the box among it.
function reach(arrows, start, [here, there]) {
  const found = new Set([start]);
  for (const box of found) {
    arrows.filter((arrow) => arrow.dataset[here] === box).forEach((arrow) => found.add(arrow.dataset[there]));
  }
  return found;
}

function startGraph(graph) {
  const arrows = [...graph.querySelectorAll("[data-source]")];
  const boxes = [...graph.querySelectorAll("[data-box-key]")];
  const show = (key) => {
    const ahead = key && reach(arrows, key, ["source", "target"]);
    const behind = key && reach(arrows, key, ["target", "source"]);
    const onTrail = (box) => !key || ahead.has(box) || behind.has(box);
    boxes.forEach((box) => box.classList.toggle("aside", !onTrail(box.dataset.boxKey)));
    arrows.forEach(({ dataset, classList }) => {
      const on = [ahead, behind].some((side) => side && side.has(dataset.source) && side.has(dataset.target));
      classList.toggle("aside", Boolean(key) && !on);
    });
  };
  boxes.forEach((box) => {
    box.setAttribute("tabindex", "0");
    ["pointerenter", "focus", "click"].forEach((event) =>
      box.addEventListener(event, () => show(box.dataset.boxKey)));
    ["pointerleave", "blur"].forEach((event) => box.addEventListener(event, () => show(null)));
  });
}

document.querySelectorAll("form.dial").forEach(startDial);
document.querySelectorAll("svg.graph").forEach(startGraph);
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  unfolded.forEach((each) => { each.open = true; });
});
addEventListener("afterprint", () => unfolded.forEach((each) => { each.open = false; }));
