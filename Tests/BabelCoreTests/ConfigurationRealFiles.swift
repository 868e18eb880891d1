/// A configuration found in the wild, shortened.
struct RealConfiguration: Sendable {
  let name: String
  let text: String
}

/// Files that babeld 1.14 accepts, from distributions, overlays and community networks.
let realConfigurations: [RealConfiguration] = [
  RealConfiguration(
    name: "Debian package",
    text: """
      # For more information about this configuration file, refer to babeld(8)

      # Only the first interface is used.
      # interface eth0

      """),
  RealConfiguration(
    name: "NixOS module",
    text: """
      skip-kernel-setup true
      default enable-timestamps true hello-interval 5 link-quality true rxcost 32 type tunnel
      interface enp0s2 hello-interval 5 split-horizon auto type wired 
      interface tap0\u{20}
      redistribute ip fd00::/8 allow

      """),
  RealConfiguration(
    name: "NixOS overlay with tunnels",
    text: """
      default type tunnel
      default link-quality true
      default split-horizon false
      default rxcost 32
      default hello-interval 5
      default enable-timestamps true
      default max-rtt-penalty 1000
      default rtt-min 1
      default rtt-max 1000
      kernel-priority 10000
      random-id true
      smoothing-half-life 16
      interface wg-a
      redistribute proto 12 deny
      redistribute ip 172.20.0.0/14 allow
      redistribute local ip 10.127.0.0/16 allow
      redistribute local deny
      install ip 172.20.0.0/14 pref-src 172.22.76.185
      install ip fd00::/8 pref-src fdbc:f9dc:67ad:2547::1

      """),
  RealConfiguration(
    name: "table beyond 255",
    text: """
      random-id true
      export-table 32766
      import-table 114
      local-path /var/run/babeld.ctl
      reflect-kernel-metric true
      interface wg0 type tunnel hello-interval 20 rxcost 32 rtt-max 1024
      redistribute proto 114 allow
      redistribute local deny
      install pref-src 172.22.167.98
      install pref-src fd10:127:cc:1::1

      """),
  RealConfiguration(
    name: "48-bit router-id, selectors after lengths",
    text: """
      skip-kernel-setup true
      local-path /var/run/babeld/ro.sock
      router-id ac:1f:6b:e5:fe:3a
      interface wg0 type tunnel rtt-min 0.5 rtt-max 256 rtt-decay 32
      redistribute ip fdcc::/64 ge 64 le 128 local allow
      redistribute proto 42
      redistribute local deny

      """),
  RealConfiguration(
    name: "overlay that adds interfaces by socket",
    text: """
      random-id true
      local-path-readwrite /run/babeld.ctl
      state-file ""
      pid-file ""
      interface placeholder
      # the next line is a comment
      redistribute ip 2a0c:b641:69c:5220::/60 ge 64 le 64 allow
      redistribute local deny

      """),
  RealConfiguration(
    name: "mesh gateway firmware",
    text: """
      ipv6-subtrees true
      reflect-kernel-metric true
      export-table 254
      import-table 254
      out ip fdca:ffee:8::1/128 deny
      redistribute ip fdca:ffee:8::/64 eq 128  allow
      redistribute local if br-wan deny
      redistribute local ip 0.0.0.0/0 deny
      install pref-src fdca:ffee:8::2
      interface mesh-vpn

      """),
  RealConfiguration(
    name: "router firmware, generated",
    text: """
      local-port 33123
      interface eth1 type wired
      default enable-timestamps true
       redistribute  ip 192.168.0.0/16
       redistribute local ip ::/0 eq 64 src-ip ::/0 src-le 64 proto 3 if br-lan metric 128
       redistribute local  deny
       in neigh fe80::1 id 02:11:22:ff:fe:33:44:55 if eth1 deny

      """),
  RealConfiguration(
    name: "community firmware with deprecated words",
    text: """
      local-port 30003
      interface wlan0-mesh_17
      interface wlan0-mesh_17 wired false
      redistribute ip 0.0.0.0/0 le 0 metric 128
      redistribute ip 0::0/0 le 0  allow
      redistribute local  deny
      redistribute  deny

      """),
  RealConfiguration(
    name: "exit server",
    text: """
      redistribute local ip 0.0.0.0/0 proto 3 metric 128 allow
      redistribute if eth0 metric 128
      redistribute local if wg0 deny
      in local deny
      in deny

      """),
  RealConfiguration(
    name: "overlay documentation",
    text: """
      default hello-interval 4
      default update-interval 16
      link-detect true
      in ip fd92:58b6:2b2::/48 deny
      in ip fd00::/8 le 64 ge 44 allow
      in deny
      install pref-src fd92:58b6:2b2::1

      """),
  RealConfiguration(
    name: "home network script",
    text: """
      ipv6-subtrees yes
      redistribute
      redistribute local deny
      interface eth0
      interface eth1

      """),
  RealConfiguration(
    name: "default routes of the gateway only",
    text: """
      redistribute ip ::/0 le 0  proto 3
      redistribute ip 0.0.0.0/0 le 0 proto 3
      redistribute local deny
      redistribute deny
      interface wlan0

      """),
]
