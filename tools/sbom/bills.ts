/** As much of a CycloneDX document as is worked on here. */
export interface Bill {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: string;
  readonly components: readonly Component[];
  readonly [member: string]: unknown;
}

export interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  readonly [member: string]: unknown;
}

/**
 * The bill of what is bundled, out of that of all packages.
 * @param packages the bundled ones, as `pg@8.23.1`.
 * @throws Error that names what is bundled and stands in no bill.
 */
export function keepBundled(project: Bill, packages: readonly string[]): Bill {
  const wanted = new Set(packages);
  const components = project.components.filter((component) => wanted.delete(String(component["bom-ref"])));
  if (wanted.size > 0) throw new Error(`no bill names the bundled ${[...wanted].join(", ")}`);
  // What each package depends on is known of the whole alone.
  const { dependencies: _, ...rest } = project;
  return { ...rest, components };
}

/**
 * The bill of an image by its package manager's own list: the packages, and the sources that are linked into their programs.
 * Programs in Go and Rust carry their libraries within; those of Debian name no modules (`go version -m` finds none), the
 * package's entry does.
 * @param status content of /var/lib/dpkg/status.
 * @throws Error where the list is empty.
 */
export function debianBill(image: string, status: string): Bill {
  const packages = status.split("\n\n").flatMap((entry) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(entry)?.[1];
    const [name, version, architecture] = [field("Package"), field("Version"), field("Architecture")];
    if (!name || !version || field("Status") !== "install ok installed") return [];
    const linked = `${field("Built-Using") ?? ""}, ${field("Static-Built-Using") ?? ""}`;
    const sources = [...linked.matchAll(/(\S+) \(= ([^)]+)\)/g)].map(([, source = "", of = ""]) =>
      debianComponent(source, of, "source"),
    );
    return [debianComponent(name, version, architecture), ...sources];
  });
  // Several programs may be linked with one source.
  const components = [...new Map(packages.map((component) => [component.purl, component])).values()];
  if (components.length === 0) throw new Error(`${image} has no list of Debian packages`);
  const [name, version] = image.split(":");
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { type: "container", name, version, "bom-ref": image } },
    components,
  };
}

function debianComponent(name: string, version: string, architecture: string | undefined): Component {
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { type: "library", name, version, purl, "bom-ref": purl };
}
