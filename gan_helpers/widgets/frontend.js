// What core widgets lack, done in the page, for the box that this widget lies in.
const BOXES = ".gan-explorer, .gan-monitor, .gan-slider";
const FOCUSABLE = "button, select, input, textarea, [tabindex], [contenteditable]";
const ICONS = {"fa-play": "Play the morph", "fa-pause": "Pause the morph", "fa-stop": "Stop, and go to its start",
               "fa-retweet": "Repeat"};
const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const MOST_SIDE = 1024, MOST_BYTES = 4e6;  // of what is sent: a message of about 10 MB ends the connection

export default {
  render({ model, el }) {
    let detach = () => {};
    const timer = setInterval(() => {  // a widget is rendered before it is put into the page
      const root = el.closest(BOXES);
      if (!root) return;
      clearInterval(timer);
      detach = attach(root, model);
    }, 50);
    return () => { clearInterval(timer); detach(); };
  },
};

function attach(root, model) {
  const parts = [keepKeys(root), keepNames(root, model), takeFiles(root, model)];
  root.addEventListener("keydown", moveOnMap);
  model.send({ event: "ready" });
  return () => { parts.forEach(end => end()); root.removeEventListener("keydown", moveOnMap); };
}

// --- keys --------------------------------------------------------------------------------------------

// JupyterLab would take keys from a focused control as its own: "d d" deletes the cell. It leaves them to elements
// with this attribute. Keys with Ctrl, Alt or Command stay JupyterLab's, such as Ctrl+S.
function keepKeys(root) {
  const decide = event => {
    if (!root.contains(event.target)) return;
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.altKey || event.metaKey));
  };
  window.addEventListener("keydown", decide, true);  // before JupyterLab, which listens to the document
  return () => window.removeEventListener("keydown", decide, true);
}

// --- names, alt texts, the status line, the focus ------------------------------------------------------

function keepNames(root, model) {
  const announce = statusLine(root), focus = keepFocus(root);
  let due = null, unnamed = true;
  const refresh = () => {
    due = null;
    if (unnamed) nameControls(root);
    unnamed = false;
    describeImages(root, model.get("texts"));
    announce();
    focus.restore();
  };
  const soon = () => { due ??= setTimeout(refresh, 60); };  // many changes, one look
  const watch = new MutationObserver(changes => { unnamed ||= !changes.every(passes); soon(); });
  watch.observe(root, { subtree: true, childList: true, characterData: true,
                        attributes: true, attributeFilter: ["class", "disabled", "style"] });
  model.on("change:texts", soon);
  refresh();
  return () => { watch.disconnect(); clearTimeout(due); model.off("change:texts", soon); focus.end(); };
}

// Does a change come and go all along a drag, and bring no new control? A slider's place, a number, a text.
function passes({ target, attributeName }) {
  const element = target.closest ? target : target.parentElement;
  return attributeName === "style" ? element.closest(".noUi-target") !== null
    : attributeName === null && element?.closest(".gan-said, .gan-status, .widget-readout") != null;
}

const words = element => element?.textContent.replace(/\s+/g, " ").trim() ?? "";

function nameControls(root) {
  for (const slider of root.querySelectorAll(".widget-slider, .widget-hslider")) {
    const label = words(slider.querySelector(".widget-label"));
    slider.querySelectorAll(".noUi-handle, .ui-slider-handle").forEach(part => part.setAttribute("aria-label", label));
    slider.querySelectorAll(".widget-readout").forEach(part => {  // by mouse it can still be typed into
      part.tabIndex = -1;
      part.setAttribute("role", "textbox");
      part.setAttribute("aria-label", `${label}, as a number`);
    });
  }
  for (const button of root.querySelectorAll(".widget-play button")) {
    const icon = Object.keys(ICONS).find(name => button.querySelector(`.${name}`));
    if (icon) button.setAttribute("aria-label", button.title = ICONS[icon]);
    if (icon === "fa-retweet") button.setAttribute("aria-pressed", button.classList.contains("mod-active"));
  }
  for (const button of root.querySelectorAll(".widget-toggle-buttons button"))
    button.setAttribute("aria-pressed", button.classList.contains("mod-active"));
  for (const button of root.querySelectorAll(".gan-upload, .gan-load"))  // it counts files, always 0 here
    for (const part of button.childNodes)
      if (/ \(0\)$/.test(part.nodeValue ?? "")) part.nodeValue = part.nodeValue.replace(" (0)", "");
  const cells = [...root.querySelectorAll(".gan-map-cell")];
  const stop = cells.find(cell => cell.tabIndex === 0 && cell.hasAttribute("aria-label")) ?? cells[0];
  for (const cell of cells) {
    cell.tabIndex = cell === stop ? 0 : -1;
    cell.setAttribute("aria-label", cell.title);
  }
}

function describeImages(root, texts) {
  const set = (image, text) => { if (image && image.alt !== text) image.alt = text; };
  for (const [css, text] of Object.entries(texts)) root.querySelectorAll(`.${css}`).forEach(image => set(image, text));
  set(root.querySelector(".gan-picture"), `a generated picture: ${words(root.querySelector(".gan-said"))}`);
  set(root.querySelector(".gan-live"), `the run in a picture. ${words(root.querySelector(".gan-status"))}`);
}

function statusLine(root) {
  const line = document.createElement("div");  // stays, and changes its text: else it is not read out
  line.setAttribute("role", "status");
  line.className = "gan-spoken";
  line.style.cssText = "position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%)";
  root.append(line);
  let last = null, timer = null;
  return () => {
    const text = words(root.querySelector(".gan-said, .gan-status"));
    const news = root.matches(".gan-monitor") ? text.split(":")[0] : text;  // its numbers change all the time
    if (news === last) return;
    last = news;
    clearTimeout(timer);
    timer = setTimeout(() => { line.textContent = text; }, 400);  // after a drag, not all along it
  };
}

function keepFocus(root) {
  let trail = [];  // what has the focus, and all that it lies in
  const note = event => {
    trail = [];
    for (let part = event.target; root.contains(part); part = part.parentElement) trail.push(part);
    const cell = event.target.closest?.(".gan-map-cell");
    if (cell && root.contains(cell)) {
      root.querySelectorAll(".gan-map-cell").forEach(other => { other.tabIndex = -1; });
      cell.tabIndex = 0;
    }
  };
  const leave = event => { if (!root.contains(event.target)) trail = []; };
  document.addEventListener("focusin", note);
  document.addEventListener("pointerdown", leave);
  const usable = part => part.isConnected && !part.disabled && part.offsetParent !== null;
  const restore = () => {  // a control was removed or switched off while it had the focus
    if (!trail.length || ![null, document.body].includes(document.activeElement) || usable(trail[0])) return;
    const near = trail.slice(1).filter(usable).map(part => [...part.querySelectorAll(FOCUSABLE)].find(usable));
    const next = near.find(Boolean) ?? root;
    if (next === root) root.tabIndex = -1;
    next.focus();
  };
  return { restore, end() { document.removeEventListener("focusin", note);
                            document.removeEventListener("pointerdown", leave); } };
}

function moveOnMap(event) {
  const step = STEPS[event.key], cell = event.target.closest(".gan-map-cell");
  if (!step || !cell) return;
  event.preventDefault();
  const cells = [...cell.parentElement.querySelectorAll(".gan-map-cell")], side = Math.round(cells.length ** 0.5);
  const index = cells.indexOf(cell), column = (index % side) + step[0], row = Math.floor(index / side) + step[1];
  if (Math.min(column, row) >= 0 && Math.max(column, row) < side) cells[row * side + column].focus();
}

// --- files: chosen or dropped, made smaller, sent -------------------------------------------------------

function takeFiles(root, model) {
  let input = null;  // held on to: the browser forgets one that nothing refers to, and what is chosen never arrives
  const send = async (file, target) => {
    try {
      const content = target === "picture" ? await shrink(file) : await small(file);
      model.send({ event: "file", target, name: file.name }, undefined, [content]);
    } catch (error) {
      model.send({ event: "refused", text: error.message });
    }
  };
  const choose = event => {
    const button = event.target.closest(".gan-upload, .gan-load");
    if (!button) return;
    event.preventDefault();
    event.stopImmediatePropagation();  // the button's own way sends the file as large as it is
    const target = button.matches(".gan-load") ? "latents" : "picture";
    input = document.createElement("input");
    input.type = "file";
    input.accept = target === "latents" ? ".safetensors" : "image/*";
    input.onchange = chosen => { if (chosen.target.files[0]) send(chosen.target.files[0], target); };
    input.click();
  };
  const over = event => { if (root.querySelector(".gan-upload, .gan-load") && event.dataTransfer?.types.includes("Files")) event.preventDefault(); };
  const drop = event => {
    const file = event.dataTransfer?.files[0];
    if (!file || !root.matches(".gan-explorer")) return;
    event.preventDefault();
    event.stopPropagation();
    send(file, file.name.endsWith(".safetensors") ? "latents" : "picture");
  };
  const events = [["click", choose], ["dragover", over], ["drop", drop]];
  events.forEach(([name, call]) => root.addEventListener(name, call, true));
  return () => events.forEach(([name, call]) => root.removeEventListener(name, call, true));
}

async function small(file) {
  if (file.size > MOST_BYTES) throw Error(`${file.name} has ${megabytes(file)} MB: it is no file of latent vectors`);
  return file.arrayBuffer();
}

async function shrink(file) {
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {  // the browser cannot read it, but Python perhaps can
    if (file.size <= MOST_BYTES) return file.arrayBuffer();
    throw Error(`${file.name} cannot be read as a picture here: choose a whole PNG or JPEG file`);
  }
  const scale = MOST_SIDE / Math.max(image.width, image.height);
  if (scale >= 1 && file.size <= MOST_BYTES) return file.arrayBuffer();
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * Math.min(1, scale)));
  canvas.height = Math.max(1, Math.round(image.height * Math.min(1, scale)));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return (await new Promise(done => canvas.toBlob(done, "image/png"))).arrayBuffer();
}

const megabytes = file => (file.size / 1e6).toFixed(1);
