/* SPDX-License-Identifier: MIT
 *
 * The picture: lanes for traffic and queues, then a row for each block, and a bar
 * of heat at the right.  Everything is drawn anew for each view.
 */
const KINDS = [
	{ key: "fault", name: "GPU fault", color: "--fault", at: 0, high: 0.4 },
	{ key: "vram", name: "moved to VRAM", color: "--vram", at: 0, high: 1 },
	{ key: "cpu", name: "taken back by the CPU", color: "--cpu", at: 0, high: 1 },
	{ key: "evict", name: "evicted to make room", color: "--evict", at: 0, high: 1 },
	{ key: "back", name: "prefetched to system memory", color: "--cpu", at: 0.5, high: 0.5 },
	{ key: "pin", name: "pinned for thrashing", color: "--pin", at: 0, high: 1 },
	{ key: "hot", name: "reported as hot", color: "--hot", at: 0.6, high: 0.4 },
];
const LEFT = 148, RIGHT = 76, TOP = 8, TRAFFIC = 92, QUEUE = 16, AXIS = 26, SPACE = 12;

function decode(type, text) {
	const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
	return new type(bytes.buffer);
}

function style(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function duration(ns) {
	if (ns >= 1e9)
		return (ns / 1e9).toFixed(ns >= 1e10 ? 1 : 2) + " s";
	if (ns >= 1e6)
		return (ns / 1e6).toFixed(ns >= 1e8 ? 0 : 1) + " ms";
	return (ns / 1e3).toFixed(0) + " µs";
}

function amount(pages) {
	const mib = pages / 256;

	return mib >= 10 ? mib.toFixed(0) + " MiB" : mib >= 1 ? mib.toFixed(1) + " MiB" : pages * 4 + " KiB";
}

/* A round step for about @count ticks in @span. */
function tickStep(span, count) {
	const raw = span / count, base = Math.pow(10, Math.floor(Math.log10(raw)));

	return [1, 2, 5, 10].map((f) => f * base).find((s) => s >= raw);
}

/* Where rows are: each has the same height, and a gap follows it where addresses jump. */
function placeRows(rows) {
	const places = new Float64Array(rows.length);
	const gaps = [];
	let at = 0;

	rows.forEach((row, i) => {
		if (i && (row[0] !== rows[i - 1][0] || BigInt(row[1]) - BigInt(rows[i - 1][1]) !== 0x200000n)) {
			gaps.push(at);
			at += 0.6;
		}
		places[i] = at++;
	});
	return { places, gaps, end: at };
}

class Picture {
	constructor(canvas, data) {
		this.canvas = canvas;
		this.data = data;
		this.time = decode(Float64Array, data.time);
		this.row = decode(Uint32Array, data.row);
		this.kind = decode(Uint8Array, data.kind);
		this.number = decode(Uint32Array, data.number);
		this.moved = decode(Uint32Array, data.moved);
		this.shown = KINDS.map(() => true);
		this.showStay = this.showThrash = true;
		Object.assign(this, placeRows(data.rows));
		this.reset();
	}

	reset() {
		this.t0 = 0;
		this.t1 = this.data.summary.duration;
		this.y0 = 0;
		this.y1 = this.end;
	}

	/* Keep the view inside of what there is. */
	clamp() {
		const all = this.data.summary.duration;
		const span = Math.min(all, Math.max(1000, this.t1 - this.t0));
		const rows = Math.min(this.end, Math.max(1, this.y1 - this.y0));

		this.t0 = Math.min(Math.max(0, this.t0), all - span);
		this.t1 = this.t0 + span;
		this.y0 = Math.min(Math.max(0, this.y0), this.end - rows);
		this.y1 = this.y0 + rows;
	}

	x(t) {
		return LEFT + (t - this.t0) / (this.t1 - this.t0) * this.width;
	}

	y(place) {
		return this.top + (place - this.y0) / (this.y1 - this.y0) * this.height;
	}

	timeAt(x) {
		return this.t0 + (x - LEFT) / this.width * (this.t1 - this.t0);
	}

	rowAt(y) {
		const place = this.y0 + (y - this.top) / this.height * (this.y1 - this.y0);
		let low = 0, high = this.places.length - 1;

		while (low < high) {
			const mid = (low + high + 1) >> 1;

			if (this.places[mid] <= place)
				low = mid;
			else
				high = mid - 1;
		}
		return place - this.places[low] <= 1 && place >= this.places[low] ? low : -1;
	}

	layout() {
		const ratio = window.devicePixelRatio || 1, box = this.canvas.getBoundingClientRect();

		this.canvas.width = Math.round(box.width * ratio);
		this.canvas.height = Math.round(box.height * ratio);
		this.ctx = this.canvas.getContext("2d");
		this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
		this.fullWidth = box.width;
		this.fullHeight = box.height;
		this.width = box.width - LEFT - RIGHT;
		this.queueTop = TOP + TRAFFIC + SPACE;
		this.top = this.queueTop + this.data.queues.length * QUEUE + SPACE;
		this.height = box.height - this.top - AXIS;
		this.colors = KINDS.map((k) => style(k.color));
	}

	draw() {
		this.clamp();
		this.layout();
		const c = this.ctx;

		c.clearRect(0, 0, this.fullWidth, this.fullHeight);
		c.font = "12px system-ui, 'Liberation Sans', sans-serif";
		c.textBaseline = "middle";
		this.drawAxis();
		this.drawTraffic();
		this.drawQueues();
		c.save();
		c.beginPath();
		c.rect(LEFT, this.top, this.width, this.height);
		c.clip();
		this.drawRows();
		this.drawMarks();
		c.restore();
		this.drawAddresses();
		this.drawHeat();
	}

	drawAxis() {
		const c = this.ctx, step = tickStep(this.t1 - this.t0, this.width / 110);
		const bottom = this.top + this.height;

		c.textAlign = "center";
		for (let t = Math.ceil(this.t0 / step) * step; t <= this.t1; t += step) {
			c.fillStyle = style("--line");
			c.fillRect(Math.round(this.x(t)), TOP, 1, bottom - TOP);
			c.fillStyle = style("--soft");
			c.fillText(duration(t), Math.min(this.x(t), LEFT + this.width - 14), bottom + AXIS / 2 + 2);
		}
	}

	/* MiB per moment: up what goes to VRAM, down what leaves it. */
	drawTraffic() {
		const c = this.ctx, n = Math.max(1, Math.floor(this.width / 4)), mid = TOP + TRAFFIC / 2;
		const bins = [1, 2, 3].map(() => new Float64Array(n));
		let top = 1;

		for (let i = 0; i < this.time.length; i++) {
			const k = this.kind[i] === 4 ? 2 : this.kind[i], b = Math.floor((this.time[i] - this.t0) / (this.t1 - this.t0) * n);

			if (k >= 1 && k <= 3 && b >= 0 && b < n)
				bins[k - 1][b] += this.moved[i];
		}
		for (let b = 0; b < n; b++)
			top = Math.max(top, bins[0][b], bins[1][b] + bins[2][b]);
		const unit = (TRAFFIC / 2 - 2) / top, w = this.width / n;

		for (let b = 0; b < n; b++) {
			const up = bins[0][b] * unit, cpu = bins[1][b] * unit, evict = bins[2][b] * unit;

			c.fillStyle = this.colors[1];
			c.fillRect(LEFT + b * w, mid - up, w - 1, up);
			c.fillStyle = this.colors[3];
			c.fillRect(LEFT + b * w, mid, w - 1, evict);
			c.fillStyle = this.colors[2];
			c.fillRect(LEFT + b * w, mid + evict, w - 1, cpu);
		}
		c.fillStyle = style("--soft");
		c.fillRect(LEFT, mid, this.width, 1);
		this.label("to VRAM", mid - 12);
		this.label("from VRAM", mid + 12);
		const rate = top / 256 / ((this.t1 - this.t0) / n / 1e9);

		c.textAlign = "left";
		c.fillText(rate >= 100 ? (rate / 1024).toFixed(1) + " GiB/s" : rate.toFixed(0) + " MiB/s", LEFT + this.width + 8, TOP + 6);
	}

	label(text, y) {
		this.ctx.fillStyle = style("--soft");
		this.ctx.textAlign = "right";
		this.ctx.fillText(text, LEFT - 8, y);
	}

	drawQueues() {
		const c = this.ctx;

		this.data.queues.forEach(([name, spans], q) => {
			const y = this.queueTop + q * QUEUE;

			this.label("kernels, " + name.replace(/, process.*/, ""), y + QUEUE / 2 - 1);
			c.save();
			c.beginPath();
			c.rect(LEFT, y, this.width, QUEUE);
			c.clip();
			c.fillStyle = style("--kernel");
			for (const [end, length, gain] of spans) {
				c.globalAlpha = 0.35 + 0.65 * Math.min(1, gain / length);
				c.fillRect(this.x(end - length), y, Math.max(1.5, this.x(end) - this.x(end - length)), QUEUE - 4);
			}
			c.restore();
		});
	}

	drawRows() {
		const c = this.ctx, h = this.height / (this.y1 - this.y0);
		const stay = style("--stay"), thrash = style("--thrash"), gap = style("--gap");

		c.fillStyle = gap;
		for (const at of this.gaps)
			c.fillRect(LEFT, this.y(at + 0.1), this.width, 0.4 * h);
		this.data.rows.forEach((row, i) => {
			const y = this.y(this.places[i]), stays = this.data.stays[i];

			if (y > this.top + this.height || y + h < this.top)
				return;
			if (this.showThrash && row[3] && stays.length) {
				/* From when it first left to when it last did. */
				c.fillStyle = thrash;
				c.fillRect(this.x(stays[1]), y, Math.max(3, this.x(stays.at(-1)) - this.x(stays[1])), h);
			}
			if (!this.showStay)
				return;
			c.fillStyle = stay;
			for (let s = 0; s < stays.length; s += 2)
				c.fillRect(this.x(stays[s]), y + 0.15 * h,
					   Math.max(1, this.x(stays[s + 1]) - this.x(stays[s])), 0.7 * h);
		});
	}

	drawMarks() {
		const c = this.ctx, h = this.height / (this.y1 - this.y0), gap = h > 4 ? 1 : 0;
		const drawn = new Set();

		KINDS.forEach((kind, k) => {
			if (!this.shown[k])
				return;
			c.fillStyle = this.colors[k];
			drawn.clear();
			for (let i = 0; i < this.time.length; i++) {
				const t = this.time[i];

				if (this.kind[i] !== k || t < this.t0 || t > this.t1)
					continue;
				const x = Math.round(this.x(t)), r = this.row[i], id = r * 8192 + x;

				if (drawn.has(id))
					continue;
				drawn.add(id);
				c.fillRect(x - 1, this.y(this.places[r] + kind.at) + gap, k ? 2.5 : 1.5,
					   Math.max(1, kind.high * h - gap));
			}
		});
	}

	drawAddresses() {
		const c = this.ctx, h = this.height / (this.y1 - this.y0);
		let last = -100;

		c.font = "11px ui-monospace, 'Liberation Mono', monospace";
		this.data.rows.forEach((row, i) => {
			const y = this.y(this.places[i]) + Math.min(h / 2, 8);

			if (y - last < 15 || y < this.top || y > this.top + this.height)
				return;
			last = y;
			this.label(row[1] === "0x100000000000000" ? "buffers" : row[1], y);
		});
		c.font = "12px system-ui, 'Liberation Sans', sans-serif";
	}

	/* How often pages of each block moved. */
	drawHeat() {
		const c = this.ctx, x = LEFT + this.width + 10, w = 24;
		const h = this.height / (this.y1 - this.y0);
		const heat = this.data.rows.map((row) => row[5] + row[6] + row[7] + row[8]);
		const most = Math.max(1, ...heat);

		heat.forEach((n, i) => {
			const y = this.y(this.places[i]);

			if (y + h < this.top || y > this.top + this.height || !n)
				return;
			c.globalAlpha = 0.15 + 0.85 * n / most;
			c.fillStyle = this.data.rows[i][3] ? style("--bad") : style("--vram");
			c.fillRect(x, Math.max(y, this.top), w, Math.min(y + h - (h > 4 ? 1 : 0), this.top + this.height) - Math.max(y, this.top));
			c.globalAlpha = 1;
			if (h >= 12) {
				c.fillStyle = style("--soft");
				c.textAlign = "left";
				c.fillText(n, x + w + 5, y + h / 2);
			}
		});
		c.fillStyle = style("--soft");
		c.textAlign = "left";
		c.fillText("moves", x - 2, this.top - 7);
	}
}
