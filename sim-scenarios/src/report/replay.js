(() => {
  const log = JSON.parse(document.getElementById("spread").textContent);
  const root = document.getElementById("replay");
  const [canvas, button, speed, slider, output] =
    ["canvas", "button", "select", "input", "output"].map((name) => root.querySelector(name));
  const ink = canvas.getContext("2d");
  const end = log.arrivals.length ? log.arrivals[log.arrivals.length - 1][0] : 1;
  const completed = log.arrivals.filter((arrival) => arrival[3]).reduce((last, arrival) => Math.max(last, arrival[0]), 1);
  const glow = Math.max(completed / 40, 2);
  slider.max = Math.min(end, completed * 1.2);

  // Rings by mesh hops from the publisher; within a ring near the neighbours further in.
  const neighbours = Array.from({ length: log.nodes }, () => []);
  for (const [a, b] of log.mesh) { neighbours[a].push(b); neighbours[b].push(a); }
  const ring = new Array(log.nodes).fill(-1);
  const rings = [[log.publisher]];
  ring[log.publisher] = 0;
  for (let hop = 0; hop < rings.length; hop++) {
    const next = [];
    for (const node of rings[hop]) for (const other of neighbours[node]) {
      if (ring[other] < 0) { ring[other] = hop + 1; next.push(other); }
    }
    if (next.length) rings.push(next);
  }
  const lost = ring.flatMap((hop, node) => (hop < 0 ? [node] : []));
  if (lost.length) rings.push(lost);
  const place = [];
  rings.forEach((nodes, hop) => nodes.forEach((node, index) => {
    const angle = 2 * Math.PI * (index + (hop % 2) / 2) / nodes.length - Math.PI / 2;
    const radius = rings.length > 1 ? hop / (rings.length - 1) : 0;
    place[node] = [radius * Math.cos(angle), radius * Math.sin(angle)];
  }));

  const draw = () => {
    const width = canvas.clientWidth, height = Math.min(width, 620), ratio = window.devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    const size = Math.max(3, Math.min(13, 150 / Math.sqrt(log.nodes)));
    const reach = height / 2 - size - 4;
    const at = place.map(([x, y]) => [width / 2 + x * reach, height / 2 + y * reach]);
    const line = (a, b) => { ink.beginPath(); ink.moveTo(...at[a]); ink.lineTo(...at[b]); ink.stroke(); };
    const now = Number(slider.value);

    ink.lineWidth = 1;
    ink.strokeStyle = "#e3e6eb";
    for (const [a, b] of log.mesh) line(a, b);
    const rank = new Array(log.nodes).fill(0);
    let useless = 0;
    for (const [ms, from, to, useful] of log.arrivals) {
      if (ms > now) break;
      if (useful) rank[to]++; else useless++;
      if (now - ms > glow) continue;
      ink.globalAlpha = 1 - (now - ms) / glow;
      ink.strokeStyle = useful ? "#0072b2" : "#d55e00";
      ink.setLineDash(useful ? [] : [5, 4]);
      ink.lineWidth = 2.5;
      line(from, to);
    }
    ink.globalAlpha = 1;
    ink.setLineDash([]);
    rank[log.publisher] = log.chunks;
    at.forEach(([x, y], node) => {
      const share = Math.min(rank[node] / log.chunks, 1);
      ink.beginPath();
      ink.arc(x, y, size, 0, 2 * Math.PI);
      ink.fillStyle = "#ffffff";
      ink.fill();
      ink.beginPath();
      ink.moveTo(x, y);
      ink.arc(x, y, size, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * share);
      ink.fillStyle = node === log.publisher ? "#e69f00" : "#56b4e9";
      ink.fill();
      ink.beginPath();
      ink.arc(x, y, size, 0, 2 * Math.PI);
      ink.lineWidth = share === 1 ? 2.5 : 1;
      ink.strokeStyle = share === 1 ? "#003d66" : "#8a92a0";
      ink.stroke();
    });
    const complete = rank.filter((count) => count >= log.chunks).length;
    output.textContent = `${now.toFixed(1)} ms: ${complete} of ${log.nodes} nodes complete, ${useless} arrivals of no use`;
  };

  let playing = false, last = 0;
  const step = (time) => {
    if (!playing) return;
    slider.value = Math.min(Number(slider.max), Number(slider.value) + (time - last) * Number(speed.value));
    last = time;
    draw();
    if (Number(slider.value) >= Number(slider.max)) return stop();
    requestAnimationFrame(step);
  };
  const stop = () => { playing = false; button.textContent = "Play"; };
  button.addEventListener("click", () => {
    if (playing) return stop();
    if (Number(slider.value) >= Number(slider.max)) slider.value = 0;
    playing = true;
    button.textContent = "Pause";
    requestAnimationFrame((time) => { last = time; step(time); });
  });
  slider.addEventListener("input", draw);
  window.addEventListener("resize", draw);
  slider.value = completed / 2;
  draw();
})();
