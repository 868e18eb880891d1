/// What the page looks like beside the picture.
enum PageStyle {
  /// Its sheet of styles.
  static let sheet = """
    :root{color-scheme:light dark;--ground:#fff;--ink:#17202a;--soft:#56616d;--rule:#d4dae0;
    --accent:#005a94;--warn:#b23c00}
    @media (prefers-color-scheme:dark){:root{--ground:#12171d;--ink:#e9eef3;--soft:#a3afbb;
    --rule:#36414b;--accent:#6fc3f5;--warn:#ff8f5a}}
    body{margin:0;background:var(--ground);color:var(--ink);
    font:14px/1.45 system-ui,"DejaVu Sans",Verdana,sans-serif}
    .tools{display:flex;flex-wrap:wrap;gap:8px 18px;align-items:center;padding:10px 16px;
    border-bottom:1px solid var(--rule);position:sticky;top:0;background:var(--ground);z-index:1}
    .tools label{display:flex;gap:6px;align-items:center}
    input,select,button{font:inherit;color:inherit;background:var(--ground);
    border:1px solid var(--soft);border-radius:5px;padding:3px 8px}
    select{max-width:18em}
    button{cursor:pointer;min-width:30px}
    :focus-visible{outline:2px solid var(--accent);outline-offset:1px}
    #state{color:var(--soft);margin-left:auto}
    #state.bad{color:var(--warn);font-weight:600}
    #note{padding:0 16px;margin:8px 0 0;color:var(--soft)}
    figure{margin:0;overflow:auto;max-height:82vh;border-bottom:1px solid var(--rule)}
    figure svg{display:block;margin:0 auto}
    figure .node{cursor:pointer}
    section{padding:4px 16px 20px;overflow-x:auto}
    h2{font-size:16px;margin:14px 0 6px}
    table{border-collapse:collapse;font-variant-numeric:tabular-nums}
    th,td{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--rule);
    white-space:nowrap}
    th{color:var(--soft);font-weight:600}
    .number{text-align:right}
    .unused td{color:var(--soft)}
    [hidden]{display:none!important}

    """

  /// What is above the picture.
  static let tools = """
    <header class="tools">
    <label>Search <input id="search" type="search" placeholder="node, prefix, address"></label>
    <label>Ways to <select id="prefix"><option value="">(no prefix)</option></select></label>
    <span><button id="smaller" type="button" aria-label="smaller">−</button>
    <button id="fit" type="button">fit</button>
    <button id="larger" type="button" aria-label="larger">+</button></span>
    <label id="comparing" hidden><input id="compare" type="checkbox">changes</label>
    <label id="repeating" hidden><input id="repeat" type="checkbox" checked>every 5 s</label>
    <button id="refresh" type="button" hidden>Refresh</button>
    <span id="state" role="status"></span>
    </header>
    <p id="note" hidden></p>
    <noscript><p>Search and tables need JavaScript; the picture does not.</p></noscript>
    """

  /// What is below it; the rows come from the script.
  static let tables = """
    <section aria-labelledby="links-title"><h2 id="links-title">Neighbours</h2>
    <table id="links"><thead><tr><th scope="col">node</th><th scope="col">neighbour</th>
    <th scope="col">interface</th><th scope="col">address</th>
    <th scope="col" class="number">cost</th><th scope="col" class="number">receiving</th>
    <th scope="col" class="number">sending</th><th scope="col" class="number">RTT, ms</th>
    <th scope="col" class="number">loss, %</th><th scope="col">change</th></tr></thead>
    <tbody></tbody></table><p id="links-rest" hidden></p></section>
    <section aria-labelledby="routes-title"><h2 id="routes-title">Routes</h2>
    <table id="routes"><thead><tr><th scope="col">prefix</th><th scope="col">node</th>
    <th scope="col" class="number">metric</th><th scope="col">by way of</th>
    <th scope="col">next hop</th><th scope="col">interface</th><th scope="col">originated by</th>
    <th scope="col">used</th></tr></thead>
    <tbody></tbody></table><p id="routes-rest" hidden></p></section>
    """
}
