/// Colours and strokes, for light and for dark screens. The colours are those that Okabe and Ito
/// chose for the colour-blind, made darker or lighter until they stand out from the ground; and no
/// meaning is in a colour alone: strokes, marks and words say the same.
enum SVGStyle {
  /// The sheet of styles of a picture.
  static let sheet = """
    .mesh{--ground:#fff;--ink:#17202a;--soft:#56616d;--line:#6c7884;--box:#f4f6f8;\
    --asked:#d9ecfa;--askedline:#005a94;--blue:#0067a8;--red:#b23c00;--amber:#8a5a00;\
    --green:#00704f;--bold:#6b2d73;--origin:#f6e3f2;\
    font-family:system-ui,"DejaVu Sans",Verdana,sans-serif}
    @media (prefers-color-scheme:dark){.mesh{--ground:#12171d;--ink:#e9eef3;--soft:#a3afbb;\
    --line:#8593a0;--box:#1e262e;--asked:#0d3b5c;--askedline:#6fc3f5;--blue:#5ab9f2;\
    --red:#ff8f5a;--amber:#eeb13c;--green:#35c89d;--bold:#d9a3df;--origin:#43264a}}
    .mesh .ground{fill:var(--ground)}
    .mesh text{fill:var(--ink);font-size:13px}
    .mesh .h1{font-size:19px;font-weight:600}
    .mesh .h2,.mesh .key{font-size:12px;fill:var(--soft)}
    .mesh .node text{text-anchor:middle}
    .mesh .small text{font-size:12px}
    .mesh .node .more{font-size:10.5px;fill:var(--soft)}
    .mesh .node rect{fill:var(--box);stroke:var(--soft);stroke-width:1.2}
    .mesh .asked rect{fill:var(--asked);stroke:var(--askedline);stroke-width:2}
    .mesh .distant rect{stroke-dasharray:4 3}
    .mesh .origin rect{fill:var(--origin);stroke:var(--bold);stroke-width:3}
    .mesh .node.appeared rect{stroke:var(--blue);stroke-width:3}
    .mesh .node.gone rect{stroke:var(--red);stroke-dasharray:2 4;stroke-width:2.4}
    .mesh .node.lost rect{stroke:var(--red);stroke-width:3}
    .mesh .edge line{stroke:var(--line);stroke-width:1.6}
    .mesh .many line{stroke-width:1.1;stroke-opacity:.75}
    .mesh .edge .hit{stroke:transparent;stroke-width:12;stroke-dasharray:none}
    .mesh .path line{stroke-dasharray:5 4}
    .mesh .lossy line{stroke:var(--amber);stroke-width:2.6}
    .mesh .many .lossy line{stroke-width:1.9}
    .mesh .bad line{stroke:var(--red);stroke-dasharray:1 5;stroke-linecap:round;stroke-width:3}
    .mesh .appeared line{stroke:var(--blue);stroke-width:4;stroke-opacity:1}
    .mesh .gone line{stroke:var(--red);stroke-width:2.6;stroke-dasharray:2 5;stroke-opacity:1}
    .mesh .dearer line{stroke:var(--amber);stroke-width:4;stroke-opacity:1}
    .mesh .cheaper line{stroke:var(--green);stroke-width:2.8;stroke-dasharray:12 3;stroke-opacity:1}
    .mesh .hop line{stroke:var(--bold);stroke-width:3.4;stroke-opacity:1}
    .mesh .hop.path line{stroke-dasharray:7 4}
    .mesh .hop polygon{fill:var(--bold)}
    .mesh .edge .hit,.mesh .edge.hop .hit{stroke:transparent;stroke-width:12;stroke-dasharray:none}
    .mesh .dim line{stroke-opacity:.35}
    .mesh .label rect{fill:var(--ground)}
    .mesh .label text{font-size:11px;text-anchor:middle}
    .mesh .label.appeared text{fill:var(--blue);font-weight:600}
    .mesh .label.gone text,.mesh .label.bad text{fill:var(--red);font-weight:600}
    .mesh .label.dearer text,.mesh .label.lossy text{fill:var(--amber);font-weight:600}
    .mesh .label.cheaper text{fill:var(--green);font-weight:600}
    .mesh .label.dim text{fill-opacity:.75}
    .mesh .edge:hover line:first-of-type{stroke:var(--ink);stroke-opacity:1}
    .mesh .faded{opacity:.22}
    .mesh .label.faded{opacity:1}
    .mesh .label.faded text{fill-opacity:.22}
    .mesh .label.way text{fill-opacity:1}
    .mesh .found rect{stroke:var(--bold);stroke-width:4}
    """
}
