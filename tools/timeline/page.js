/* SPDX-License-Identifier: MIT
 *
 * The page around the picture: figures, legend, zoom, tooltips.  What tests look at is
 * in data-* attributes of <body>.
 */
const picture = new Picture(document.getElementById("canvas"), DATA);

function verdict(s) {
	const box = document.getElementById("verdict"), factor = s.distinct ? s.pages[1] / s.distinct : 0;
	const times = `Each page that went to VRAM went there ${factor.toFixed(1)} times.`;
	let kind = "good", text = "No thrashing";

	if (!s.pages[1]) {
		text = "Nothing moved to VRAM";
	} else if (s.thrashing && factor >= 1.5) {
		kind = "bad";
		text = `⟲ Thrashing: ${s.thrashing} of ${DATA.rows.length} blocks go to and fro`;
	} else if (s.thrashing || factor >= 1.2) {
		kind = "some";
		text = `Some memory goes to and fro (${s.returns} returns)`;
	}
	box.className = kind;
	box.textContent = text;
	if (s.pages[1])
		box.append(Object.assign(document.createElement("small"), { textContent: times }));
	document.body.dataset.verdict = kind;
}

function tiles(s) {
	const list = [
		["time", duration(s.duration)],
		["GPU faults", s.counts[0].toLocaleString("en")],
		["moved to VRAM", amount(s.pages[1])],
		["of that, again", amount(s.again), s.again > s.distinct / 2],
		["taken back by the CPU", amount(s.pages[2] + s.pages[4])],
		["evicted", amount(s.pages[3])],
		["kernels ran for", duration(s.busy)],
		["median fault time", duration(s.latency[0])],
		["99 % of faults within", duration(s.latency[1])],
		["events lost", s.lost.toLocaleString("en"), s.lost > 0],
	];

	for (const [name, value, alarm] of list) {
		const tile = document.createElement("div");

		tile.className = alarm ? "tile alarm" : "tile";
		tile.append(Object.assign(document.createElement("b"), { textContent: value }),
			    Object.assign(document.createElement("span"), { textContent: name }));
		document.getElementById("tiles").append(tile);
	}
}

function legendEntry(name, color, checked, change) {
	const label = document.createElement("label"), box = document.createElement("input");
	const swatch = document.createElement("i");

	box.type = "checkbox";
	box.checked = checked;
	box.addEventListener("change", () => {
		change(box.checked);
		picture.draw();
	});
	swatch.style.background = `var(${color})`;
	label.append(box, swatch, name);
	document.getElementById("legend").append(label);
}

function legend(s) {
	KINDS.forEach((kind, k) => {
		if (s.counts[k])
			legendEntry(`${kind.name} (${s.counts[k].toLocaleString("en")})`, kind.color, true,
				    (on) => { picture.shown[k] = on; });
	});
	legendEntry("is in VRAM", "--stay", true, (on) => { picture.showStay = on; });
	legendEntry("goes to and fro", "--thrash", true, (on) => { picture.showThrash = on; });
	const kernels = document.createElement("label");

	kernels.innerHTML = '<i style="background: var(--kernel)"></i>';
	kernels.append("kernels run");
	document.getElementById("legend").append(kernels);
}

function table() {
	const body = document.querySelector("#table tbody");
	const moves = (row) => row[5] + row[6] + row[7] + row[8];

	for (const row of [...DATA.rows].sort((a, b) => moves(b) - moves(a)).slice(0, 12)) {
		const line = document.createElement("tr");

		line.className = row[3] ? "thrash" : "";
		for (const value of [row[1], row[0], row[5], row[6] + row[8], row[7], row[2], row[4]])
			line.append(Object.assign(document.createElement("td"), { textContent: value }));
		body.append(line);
	}
}

/* ---- Looking closer --------------------------------------------------------*/

function tipText(x, y) {
	const t = picture.timeAt(x), row = picture.rowAt(y);

	if (x < LEFT || x > LEFT + picture.width || y < picture.top || row < 0)
		return x >= LEFT && x <= LEFT + picture.width ? duration(t) : "";
	const reach = (picture.t1 - picture.t0) / picture.width * 4, near = KINDS.map(() => [0, 0]);

	for (let i = 0; i < picture.time.length; i++)
		if (picture.row[i] === row && Math.abs(picture.time[i] - t) <= reach) {
			near[picture.kind[i]][0] += picture.number[i];
			near[picture.kind[i]][1] += picture.moved[i];
		}
	const [pid, address, returns] = DATA.rows[row];
	const lines = [`${address}, process ${pid}`, `${duration(t)}`];

	KINDS.forEach((kind, k) => {
		if (near[k][0])
			lines.push(`${near[k][0]} × ${kind.name}` + (k && near[k][1] ? `, ${amount(near[k][1])}` : ""));
	});
	if (returns)
		lines.push(`came back to VRAM ${returns} times in all`);
	return lines.join("\n");
}

function showTip(event) {
	const tip = document.getElementById("tip"), box = picture.canvas.getBoundingClientRect();
	const x = event.clientX - box.left, y = event.clientY - box.top, text = tipText(x, y);

	tip.hidden = !text;
	tip.textContent = text;
	tip.style.left = Math.min(x + 14, box.width - 340) + "px";
	tip.style.top = y + 16 + "px";
}

function zoomTime(factor, x) {
	const t = picture.timeAt(x);

	picture.t0 = t - (t - picture.t0) * factor;
	picture.t1 = t + (picture.t1 - t) * factor;
}

function zoomRows(factor, y) {
	const at = picture.y0 + (y - picture.top) / picture.height * (picture.y1 - picture.y0);

	picture.y0 = at - (at - picture.y0) * factor;
	picture.y1 = at + (picture.y1 - at) * factor;
}

function pan(dx, dy) {
	const dt = dx / picture.width * (picture.t1 - picture.t0);
	const rows = dy / picture.height * (picture.y1 - picture.y0);

	picture.t0 -= dt;
	picture.t1 -= dt;
	picture.y0 -= rows;
	picture.y1 -= rows;
}

function listen() {
	const canvas = picture.canvas;
	let from = null;

	canvas.addEventListener("wheel", (event) => {
		const factor = Math.exp((event.deltaY || event.deltaX) / 500);

		event.preventDefault();
		if (event.shiftKey)
			zoomRows(factor, event.offsetY);
		else
			zoomTime(factor, event.offsetX);
		picture.draw();
	}, { passive: false });
	canvas.addEventListener("pointerdown", (event) => {
		from = [event.clientX, event.clientY];
		canvas.setPointerCapture(event.pointerId);
	});
	canvas.addEventListener("pointermove", (event) => {
		if (from) {
			pan(event.clientX - from[0], event.clientY - from[1]);
			from = [event.clientX, event.clientY];
			picture.draw();
		}
		showTip(event);
	});
	canvas.addEventListener("pointerup", () => { from = null; });
	canvas.addEventListener("pointerleave", () => { document.getElementById("tip").hidden = true; });
	canvas.addEventListener("dblclick", () => {
		picture.reset();
		picture.draw();
	});
	canvas.addEventListener("keydown", (event) => {
		const middle = LEFT + picture.width / 2;
		const actions = {
			"+": () => zoomTime(0.7, middle), "-": () => zoomTime(1.4, middle), "0": () => picture.reset(),
			ArrowLeft: () => pan(80, 0), ArrowRight: () => pan(-80, 0),
			ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
		};

		if (!actions[event.key])
			return;
		event.preventDefault();
		actions[event.key]();
		picture.draw();
	});
	window.addEventListener("resize", () => picture.draw());
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => picture.draw());
}

/* ---- For tests: what was drawn ----------------------------------------------*/

function report() {
	const image = picture.ctx.getImageData(0, 0, picture.canvas.width, picture.canvas.height).data;
	const sums = KINDS.map(() => 0);
	let painted = 0;

	for (let i = 3; i < image.length; i += 4)
		painted += image[i] > 0;
	for (let i = 0; i < picture.kind.length; i++)
		sums[picture.kind[i]] += picture.number[i];
	Object.assign(document.body.dataset, {
		painted: (painted / (image.length / 4)).toFixed(3), marks: picture.time.length, counts: sums.join(","),
		thrashing: DATA.summary.thrashing, lost: DATA.summary.lost, queues: DATA.queues.length,
	});
}

document.getElementById("command").textContent = DATA.command;
document.title = "svm-timeline: " + DATA.command;
verdict(DATA.summary);
tiles(DATA.summary);
legend(DATA.summary);
table();
listen();
picture.draw();
report();
