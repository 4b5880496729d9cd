// A grid of a few pixels, enlarged, to draw on by mouse, finger, pen or keys: what is seen is what Python gets, a PNG
// of as many pixels, at most once a frame. A line is one pixel thin wherever it goes, as an edge is, times the pen.
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HELP = "Drawing canvas. Arrow keys move the mark, with Shift they draw along; Space draws a pixel.";
const MOST_UNDONE = 100;

export default {
  render({ model, el }) {
    const [columns, rows, size, width] = ["columns", "rows", "pen", "width"].map(name => model.get(name));
    const frame = document.createElement("div"), canvas = document.createElement("canvas"), mark = document.createElement("div");
    const tools = document.createElement("div"), pen = canvas.getContext("2d", { willReadFrequently: true });
    canvas.width = columns;
    canvas.height = rows;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", HELP);
    frame.style.cssText = `position:relative; width:${width}px; max-width:100%; line-height:0`;
    // touch-action: a finger on the canvas draws, and does not scroll the page
    canvas.style.cssText = "width:100%; image-rendering:pixelated; touch-action:none; cursor:crosshair; box-sizing:border-box; border:1px solid #888";
    mark.style.cssText = `position:absolute; box-sizing:border-box; border:2px solid #e69f00; pointer-events:none; width:${100 / columns}%; height:${100 / rows}%`;
    mark.hidden = true;
    tools.style.cssText = "display:flex; flex-wrap:wrap; gap:4px; margin-top:6px";
    frame.append(canvas, mark);
    el.append(frame, tools);

    const history = [];  // what Undo goes back to
    let sent = null, due = null, erasing = false;
    const pixels = () => pen.getImageData(0, 0, columns, rows);
    function wipe() { pen.fillStyle = "black"; pen.fillRect(0, 0, columns, rows); }
    function remember() { history.push(pixels()); if (history.length > MOST_UNDONE) history.shift(); }
    function send() {
      canvas.dispatchEvent(new Event("change", { bubbles: true }));
      due ??= requestAnimationFrame(() => {
        due = null;
        sent = canvas.toDataURL("image/png");
        model.set("picture", sent);
        model.save_changes();
      });
    }
    function load() {  // a picture that comes from Python
      const picture = model.get("picture"), image = new Image(), opening = sent === null;
      if (picture === sent) return;
      sent = picture;
      image.onload = () => {
        if (!opening) remember();
        wipe();
        pen.drawImage(image, 0, 0, columns, rows);
        canvas.dispatchEvent(new Event("change", { bubbles: true }));
      };
      image.src = picture;
    }

    // --- strokes: the pixels under the pointer, in order, over what was there before ---

    let path = [], before = null;
    function visit([x, y]) {
      const last = path.at(-1);
      if (last && last[0] === x && last[1] === y) return;
      const corner = path.at(-2);  // a step to the side and one down are one step, so that the line stays thin
      if (corner && Math.abs(corner[0] - x) === 1 && Math.abs(corner[1] - y) === 1) path.pop();
      path.push([x, y]);
    }
    function lineTo([x, y]) {
      const [fromX, fromY] = path.at(-1) ?? [x, y], steps = Math.max(Math.abs(x - fromX), Math.abs(y - fromY), 1);
      for (let i = 1; i <= steps; i++)
        visit([Math.round(fromX + (x - fromX) * i / steps), Math.round(fromY + (y - fromY) * i / steps)]);
      const lead = (size - 1) >> 1;
      pen.putImageData(before, 0, 0);
      pen.fillStyle = erasing ? "black" : "white";
      for (const [left, top] of path) pen.fillRect(left - lead, top - lead, size, size);
      send();
    }
    function begin(place) { remember(); before = pixels(); path = []; lineTo(place); }
    function under(event) {
      const box = canvas.getBoundingClientRect();
      return [Math.floor((event.clientX - box.left - 1) * columns / (box.width - 2)),
              Math.floor((event.clientY - box.top - 1) * rows / (box.height - 2))];
    }
    let drawing = false;
    canvas.addEventListener("pointerdown", event => {
      if (event.button !== 0 || !event.isPrimary) return;
      canvas.setPointerCapture(event.pointerId);  // go on drawing outside, and see the pen lifted there
      event.preventDefault();
      drawing = true;
      mark.hidden = true;
      begin(under(event));
    });
    canvas.addEventListener("pointermove", event => { if (drawing && event.isPrimary) lineTo(under(event)); });
    for (const lifted of ["pointerup", "pointercancel"]) canvas.addEventListener(lifted, () => { drawing = false; });

    // --- by keys ---

    let spot = [columns >> 1, rows >> 1], along = false;
    function showMark() {
      mark.hidden = false;
      mark.style.left = `${100 * spot[0] / columns}%`;
      mark.style.top = `${100 * spot[1] / rows}%`;
    }
    canvas.addEventListener("keydown", event => {
      const step = KEYS[event.key];
      if (!step && event.key !== " ") return;
      event.preventDefault();
      if (!event.shiftKey || !along) path = [];
      if (step && event.shiftKey && !along) begin(spot);
      along = Boolean(step && event.shiftKey);
      if (step) spot = [Math.max(0, Math.min(columns - 1, spot[0] + step[0])), Math.max(0, Math.min(rows - 1, spot[1] + step[1]))];
      if (along) lineTo(spot); else if (!step) begin(spot);
      showMark();
    });
    canvas.addEventListener("focus", () => { if (canvas.matches(":focus-visible")) showMark(); });
    canvas.addEventListener("blur", () => { mark.hidden = true; along = false; });

    // --- buttons ---

    function button(name, text, title, call) {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = text;
      made.title = title;
      made.className = `jupyter-button widget-button gan-${name}`;
      made.style.cssText = "width:auto; margin:0";
      made.addEventListener("click", () => call(made));
      tools.append(made);
      return made;
    }
    button("erase", "Erase", "draw in black", made => {
      erasing = !erasing;
      made.setAttribute("aria-pressed", erasing);
      made.classList.toggle("mod-active", erasing);
    }).setAttribute("aria-pressed", "false");
    button("undo-stroke", "Undo", "take the last stroke back", () => {
      if (!history.length) return;
      pen.putImageData(history.pop(), 0, 0);
      send();
    });
    button("clear", "Clear", "wipe the drawing", () => { remember(); wipe(); send(); });

    wipe();
    model.on("change:picture", load);
    if (model.get("picture")) load();
    return () => model.off("change:picture", load);
  },
};
