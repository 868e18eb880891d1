/// The script of the page. What comes from the network reaches the document as text only, never as
/// markup.
enum PageScript {
  /// Tables, search and size.
  static let text = #"""
    "use strict";
    const find = name => document.getElementById(name);
    const picture = find("picture");
    let data = JSON.parse(find("data").textContent);
    const rowLimit = 500, infinity = 65535;
    let scale = 0;

    function cell(row, text, isNumber) {
      const made = row.insertCell();
      made.textContent = text === null || text === undefined ? "" : String(text);
      if (isNumber) made.className = "number";
    }
    const cost = number => number >= infinity ? "unusable" : number;
    const nameOf = place => place === null ? "" : data.nodes[place].name;
    const searched = () => find("search").value.trim().toLowerCase();

    function fill(table, rows, write) {
      const body = find(table).tBodies[0], wanted = searched();
      const fitting = rows.filter(row => !wanted || row.words.includes(wanted));
      body.replaceChildren();
      for (const row of fitting.slice(0, rowLimit)) write(body.insertRow(), row.of);
      const rest = find(table + "-rest");
      rest.hidden = fitting.length > 0 && fitting.length <= rowLimit;
      rest.textContent = fitting.length === 0 ? "nothing" :
        `${fitting.length - rowLimit} more; search for what you want`;
    }

    const wordsOf = place => place === null ? "" :
      (data.nodes[place].name + " " + data.nodes[place].id).toLowerCase();

    function fillTables() {
      fill("links", data.links.map(of => ({of, words: [wordsOf(of.at), wordsOf(of.to),
        of.interface, of.address].join(" ").toLowerCase()})), (row, of) => {
        cell(row, nameOf(of.at)); cell(row, nameOf(of.to)); cell(row, of.interface);
        cell(row, of.address); cell(row, cost(of.cost), true);
        cell(row, of.rxcost === null ? "" : cost(of.rxcost), true);
        cell(row, of.txcost === null ? "" : cost(of.txcost), true);
        cell(row, of.rtt === null ? "" : (of.rtt / 1000).toFixed(2), true);
        cell(row, of.loss === null ? "" : (of.loss / 10).toFixed(1), true);
        cell(row, of.change);
      });
      const prefix = find("prefix").value;
      const routes = data.routes.filter(of => !prefix || of.prefix === prefix);
      fill("routes", routes.map(of => ({of, words: [of.prefix, wordsOf(of.at), wordsOf(of.via),
        wordsOf(of.router), of.nextHop, of.interface].join(" ").toLowerCase()})), (row, of) => {
        cell(row, of.prefix); cell(row, nameOf(of.at)); cell(row, cost(of.metric), true);
        cell(row, nameOf(of.via)); cell(row, of.nextHop); cell(row, of.interface);
        cell(row, nameOf(of.router)); cell(row, of.selected ? "yes" : "no");
        if (!of.selected) row.className = "unused";
      });
    }

    function markFound() {
      const wanted = searched(), found = new Set();
      data.nodes.forEach((node, place) => {
        if (wanted && [node.name, node.id, ...node.prefixes].join(" ").toLowerCase()
          .includes(wanted)) found.add(String(place));
      });
      for (const node of picture.querySelectorAll("[data-node]")) {
        node.classList.toggle("found", found.has(node.dataset.node));
        node.classList.toggle("faded", found.size > 0 && !found.has(node.dataset.node) &&
          !isBeside(node.dataset.node, found));
      }
      for (const line of picture.querySelectorAll("[data-ends]")) {
        const ends = line.dataset.ends.split(" ");
        line.classList.toggle("faded", found.size > 0 && !ends.some(end => found.has(end)));
      }
    }

    function isBeside(place, found) {
      return data.links.some(of => String(of.at) === place && found.has(String(of.to)) ||
        String(of.to) === place && found.has(String(of.at)));
    }

    function size(factor) {
      const svg = picture.querySelector("svg"), box = svg.viewBox.baseVal;
      const fitting = Math.min(1, Math.max(0.5, picture.clientWidth / box.width));
      scale = factor === 0 ? 0 : Math.min(4, Math.max(0.2, (scale || fitting) * factor));
      svg.setAttribute("width", (scale || fitting) * box.width);
      svg.setAttribute("height", (scale || fitting) * box.height);
    }

    find("smaller").onclick = () => size(0.8);
    find("larger").onclick = () => size(1.25);
    find("fit").onclick = () => size(0);
    window.onresize = () => { if (scale === 0) size(0); };
    find("search").oninput = () => { markFound(); fillTables(); };
    picture.onclick = event => {
      const node = event.target.closest("[data-node]");
      if (!node) return;
      const name = data.nodes[Number(node.dataset.node)].name;
      find("search").value = find("search").value === name ? "" : name;
      markFound(); fillTables();
    };

    """#

  /// The ways to a prefix.
  static let ways = #"""
    const space = "http://www.w3.org/2000/svg";

    function edgeOf(from, to) {
      return picture.querySelector(`.edge[data-ends="${from} ${to}"]`) ||
        picture.querySelector(`.edge[data-ends="${to} ${from}"]`);
    }

    function boxOf(place) {
      const box = picture.querySelector(`[data-node="${place}"] rect`);
      const [x, y, width, height] =
        ["x", "y", "width", "height"].map(name => Number(box.getAttribute(name)));
      return {x: x + width / 2, y: y + height / 2, width, height};
    }

    // Where a line from the middle of a box towards a point leaves it.
    function exit(box, point) {
      const across = point.x - box.x, down = point.y - box.y;
      const share = Math.min(1, across ? box.width / 2 / Math.abs(across) : Infinity,
        down ? box.height / 2 / Math.abs(down) : Infinity);
      return {x: box.x + across * share, y: box.y + down * share};
    }

    function drawHop(from, to, isInferred) {
      const [start, goal] = [boxOf(from), boxOf(to)];
      const [begin, end] = [exit(start, goal), exit(goal, start)];
      const group = document.createElementNS(space, "g");
      group.setAttribute("class", "edge hop drawn" + (isInferred ? " path" : ""));
      const line = document.createElementNS(space, "line");
      const length = Math.hypot(end.x - begin.x, end.y - begin.y) || 1;
      const [x, y] = [(end.x - begin.x) / length, (end.y - begin.y) / length];
      line.setAttribute("x1", begin.x); line.setAttribute("y1", begin.y);
      line.setAttribute("x2", end.x - x * 8); line.setAttribute("y2", end.y - y * 8);
      const arrow = document.createElementNS(space, "polygon");
      const [backX, backY] = [end.x - x * 13, end.y - y * 13];
      arrow.setAttribute("points", `${end.x},${end.y} ${backX - y * 6},${backY + x * 6} ` +
        `${backX + y * 6},${backY - x * 6}`);
      group.append(line, arrow);
      const edge = edgeOf(from, to);
      const parent = (edge || picture.querySelector(".edge") ||
        picture.querySelector("[data-node]")).parentNode;
      parent.append(group);
      for (const ends of [`${from} ${to}`, `${to} ${from}`]) {
        for (const other of picture.querySelectorAll(`[data-ends="${ends}"]`)) {
          other.classList.remove("dim");
          other.classList.add("way");
        }
      }
    }

    function markWays() {
      const prefix = find("prefix").value;
      for (const drawn of picture.querySelectorAll(".drawn")) drawn.remove();
      for (const line of picture.querySelectorAll("[data-ends]")) {
        line.classList.toggle("dim", prefix !== "");
        line.classList.remove("way");
      }
      const hops = new Map(), onward = new Map(), origins = new Set();
      data.nodes.forEach((node, place) => {
        if (prefix && node.prefixes.includes(prefix)) origins.add(place);
      });
      for (const route of data.routes) {
        if (route.prefix !== prefix || !route.selected || hops.has(route.at)) continue;
        hops.set(route.at, route.via);
        if (!data.nodes[route.via].asked && route.router !== route.via) {
          onward.set(route.via, route.router);
        }
      }
      for (const [from, to] of hops) drawHop(from, to, false);
      for (const [from, to] of onward) drawHop(from, to, true);
      let lost = 0;
      data.nodes.forEach((node, place) => {
        const isLost = prefix !== "" && node.asked && !hops.has(place) && !origins.has(place);
        const shown = picture.querySelector(`[data-node="${place}"]`);
        if (!shown) return;
        shown.classList.toggle("origin", origins.has(place));
        shown.classList.toggle("lost", isLost);
        if (isLost) lost += 1;
      });
      const note = find("note");
      note.hidden = !prefix;
      note.textContent = `Arrows: the ways to ${prefix}, as nodes that were asked use them. ` +
        "Dashed: the nodes in between are not known." +
        (lost ? ` Without a way: ${lost}.` : "");
    }

    function listPrefixes() {
      const chosen = find("prefix").value || data.prefix;
      const known = new Set(data.routes.map(route => route.prefix));
      const options = [...known].map(text => new Option(text, text));
      find("prefix").replaceChildren(new Option("(no prefix)", ""), ...options);
      find("prefix").value = known.has(chosen) ? chosen : "";
    }

    find("prefix").onchange = () => { data.prefix = ""; markWays(); markFound(); fillTables(); };

    """#

  /// New data from the server that the page came from.
  static let refreshing = #"""
    function say(text, isBad) {
      find("state").textContent = text;
      find("state").className = isBad ? "bad" : "";
    }

    function show() {
      size(scale === 0 ? 0 : 1);
      listPrefixes(); markWays(); markFound(); fillTables();
      say((data.trouble ? `not refreshed: ${data.trouble}; the newest is ` : "") +
        (data.live ? "as of " : "a snapshot of ") + data.time +
        (data.since ? ", compared with " + data.since : ""), data.trouble !== "");
    }

    let isAsking = false;
    async function refresh() {
      if (isAsking) return;
      isAsking = true;
      try {
        const answer = await fetch("data.json" + (find("compare").checked ? "?changes" : ""),
          {cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(20000)});
        if (!answer.ok) throw new Error((await answer.text()).trim() || answer.status);
        const fresh = await answer.json();
        const made = new DOMParser().parseFromString(fresh.svg, "image/svg+xml");
        if (made.documentElement.localName !== "svg") throw new Error("this is no picture");
        const place = [picture.scrollLeft, picture.scrollTop];
        const prefix = data.prefix;
        data = fresh.data;
        data.prefix = prefix;
        picture.replaceChildren(document.importNode(made.documentElement, true));
        show();
        [picture.scrollLeft, picture.scrollTop] = place;
      } catch (error) {
        say(`not refreshed: ${error.message}; this is as of ${data.time}`, true);
      } finally {
        isAsking = false;
      }
    }

    if (data.live) {
      for (const name of ["comparing", "repeating", "refresh"]) find(name).hidden = false;
      find("refresh").onclick = refresh;
      find("compare").onchange = refresh;
      setInterval(() => { if (find("repeat").checked && !document.hidden) refresh(); }, 5000);
    }
    show();

    """#
}
