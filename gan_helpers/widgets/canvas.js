// A drawing canvas: soft white pen on black, by mouse, finger or pen. The PNG goes to Python when the pen is lifted.
export default {
  render({ model, el }) {
    const width = model.get("width"), height = model.get("height");
    const canvas = document.createElement("canvas"), clear = document.createElement("button");
    canvas.width = width;
    canvas.height = height;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Drawing canvas. With the keyboard, use the upload button instead.");
    // touch-action: a finger on the canvas draws, and does not scroll the page
    canvas.style.cssText = "display:block; touch-action:none; cursor:crosshair; border:1px solid #888; border-radius:3px";
    clear.textContent = "Clear";
    clear.title = "Wipe the drawing";
    clear.className = "jupyter-button widget-button gan-clear";
    clear.style.cssText = `margin:4px 0 0; width:${width + 2}px`;
    el.append(canvas, clear);

    const pen = canvas.getContext("2d");
    function wipe() {
      pen.shadowBlur = 0;
      pen.fillStyle = "black";
      pen.fillRect(0, 0, width, height);
      const size = Math.min(width, height) / 28;  // a pixel of MNIST
      Object.assign(pen, { strokeStyle: "white", lineWidth: 2 * size, lineCap: "round", lineJoin: "round" });
      Object.assign(pen, { shadowColor: "white", shadowBlur: size });
    }
    function send(picture) {
      model.set("picture", picture);
      model.save_changes();
    }
    let last = null;
    function draw(event) {
      const box = canvas.getBoundingClientRect();
      const x = (event.clientX - box.left - 1) * width / (box.width - 2);
      const y = (event.clientY - box.top - 1) * height / (box.height - 2);
      const [fromX, fromY] = last ?? [x, y];
      pen.beginPath();
      pen.moveTo(fromX, fromY);
      pen.lineTo(x + 0.01, y);  // a touch without a move is a dot
      pen.stroke();
      last = [x, y];
    }
    canvas.addEventListener("pointerdown", event => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);  // go on drawing outside, and see the pen lifted there
      event.preventDefault();
      last = null;
      draw(event);
    });
    canvas.addEventListener("pointermove", event => { if (last) draw(event); });
    function lift() {
      if (!last) return;
      last = null;
      send(canvas.toDataURL("image/png"));
    }
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    clear.addEventListener("click", () => { wipe(); send(""); });

    wipe();
    if (model.get("picture")) {  // shown a second time, in another view
      const image = new Image();
      image.onload = () => pen.drawImage(image, 0, 0);
      image.src = model.get("picture");
    }
  },
};
