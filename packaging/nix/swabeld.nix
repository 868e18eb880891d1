# swabeld from its tarball, under its own name and that of babeld, so that the module
# services.babeld of NixOS runs it:
#
#   nixpkgs.overlays = [
#     (final: prev: {
#       babeld = final.callPackage ./swabeld.nix { tarball = ./swabeld-@VERSION@-x86_64.tar.gz; };
#     })
#   ];
{ lib, stdenvNoCC, tarball }:

stdenvNoCC.mkDerivation {
  pname = "swabeld";
  version = "@VERSION@";
  src = tarball;
  dontConfigure = true;
  dontBuild = true;
  dontStrip = true;
  dontPatchELF = true;
  installPhase = ''
    mkdir -p $out
    cp -r usr/local/. $out
    mv $out/sbin $out/bin
    ln -s swabeld $out/bin/babeld
    substituteInPlace $out/lib/systemd/system/swabeld.service \
      --replace-warn /usr/local/sbin $out/bin
  '';
  meta = {
    description = "Babel routing daemon for meshes of WireGuard tunnels";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
    mainProgram = "swabeld";
  };
}
