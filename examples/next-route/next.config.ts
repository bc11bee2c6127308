import type { NextConfig } from "next";

const config: NextConfig = {
  // Node runs these as they are installed, with their workers and the model's files beside them; the build copies all of it to where it deploys.
  serverExternalPackages: ["munjang", "munjang-mini-ko"],
};

export default config;
