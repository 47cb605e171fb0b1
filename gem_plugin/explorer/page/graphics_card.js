// Whether WebGL is worth using for the points. Where it is absent or runs in software, our own loop over
// pixels is many times faster.

const SOFTWARE_RENDERERS = /software|swiftshader|llvmpipe|softpipe|basic render/i;

/** `&points=webgl` or `&points=pixels` in the address decide otherwise. */
export function hasGraphicsCard() {
  const requested = new URLSearchParams(location.search).get("points");
  return requested ? requested === "webgl" : !SOFTWARE_RENDERERS.test(rendererName());
}

function rendererName() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "software";
  const facts = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(facts ? facts.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return name;
}
