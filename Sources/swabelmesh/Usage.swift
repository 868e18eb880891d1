/// What the program says about itself.
enum Usage {
  static let version = "swabelmesh-0.1.0"
  static let hint = "Try \"swabelmesh --help\"."

  static let help = """
    swabelmesh writes the configuration of WireGuard and swabeld for all nodes of a mesh.

    Usage: swabelmesh [-f LIST] [-s STATE] [-o OUTPUT] COMMAND
           swabelmesh [-f LIST] graph|page [OPTION...] [SOURCE...]

    \(CommandForm.helpText)
    \(PictureRequest.help)

      -f, --list FILE      the list (mesh.conf)
      -s, --state FOLDER   what must be kept: keys, ports (mesh.state); keep it secret, and safe
      -o, --output FOLDER  what is written (mesh.out)
      -V, --version        print the version
      -h, --help           print this

    See swabelmesh(8).
    """

  static let example = """
    # The list of a mesh: one statement a line. See swabelmesh(8).

    mesh example
    topology full                 # or: hub NAME..., ring, nearest 3
    format wg-quick               # or: networkd, openwrt, nixos, commands

    # What nodes accept routes to. What a node announces must be in one of these.
    accept 10.20.0.0/16 fd20::/32

    # How others reach a node, and what it announces.
    node berlin endpoint 203.0.113.1 address 10.20.1.1 address fd20:0:0:1::1
    node paris endpoint paris.example.net address 10.20.2.1 address fd20:0:0:2::1
    node boat nat address 10.20.3.1 address fd20:0:0:3::1 prefix 10.20.30.0/24

    """
}
