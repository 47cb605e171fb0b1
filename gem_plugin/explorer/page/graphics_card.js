"use strict";
// Whether WebGL is worth using. Where it is absent or runs in software, our own loops over pixels are many times faster.

const SOFTWARE_RENDERERS = /software|swiftshader|llvmpipe|softpipe|basic render/i;

/** of: "points" or "surface"; `?points=webgl`, `?surface=pixels` and so on in the address decide otherwise. */
function hasGraphicsCard(of) {
  const wanted = new URLSearchParams(location.search).get(of);
  if (wanted === "webgl" || wanted === "pixels") return wanted === "webgl";
  hasGraphicsCard.answer ??= !SOFTWARE_RENDERERS.test(rendererName());
  return hasGraphicsCard.answer;
}

function rendererName() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "software";
  const facts = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(facts ? facts.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return name;
}
