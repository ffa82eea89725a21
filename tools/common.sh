# Shared by the scripts of this folder: progress lines, package installation, host environments.
# SPDX-License-Identifier: Apache-2.0
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
STEP="start"

# Names the step, so that a failure says which one it was.
step() {
  STEP=$1
  printf '\n==> %s\n' "$STEP"
}
trap 'rc=$?; [ $rc -eq 0 ] || printf "\nFAILED in step \"%s\" (exit code %s)\n" "$STEP" "$rc" >&2' EXIT

PACKAGES="g++ cmake ninja-build pkg-config ccache flatbuffers-compiler libflatbuffers-dev libspdlog-dev libfmt-dev
  libexpected-dev nlohmann-json3-dev libcli11-dev libdtl-dev ocl-icd-opencl-dev opencl-headers opencl-clhpp-headers
  pocl-opencl-icd libmbedtls-dev libdrm-dev libpng-dev libturbojpeg0-dev libzip-dev libgtest-dev libbenchmark-dev
  python3 python3-venv python3-jsonschema python3-junitparser binutils graphviz"

# For the presets asan and fuzz: the second compiler, and twice as fast as the first where sanitizers instrument.
SANITIZER_PACKAGES="clang libclang-rt-14-dev"

# For one test alone, and 400 MB on the disk: only tools/test.sh installs them, and goes on without.
BROWSER_PACKAGES="chromium chromium-driver python3-selenium"

# Installs what is missing of PACKAGES, or of those it is given; asks nothing when all of it is there.
install_packages() {
  local missing=() package sudo=""
  for package in ${*:-$PACKAGES}; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "all packages are installed"
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "need root or sudo to install: ${missing[*]}" >&2; return 1; }
    sudo=sudo
  fi
  echo "installing: ${missing[*]}"
  # Progress lines would drown the log; errors stay visible.
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# build_preset PRESET [TARGET...]: all targets when none is named.
build_preset() {
  local preset=$1
  shift
  (cd "$ROOT" && cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" ${@:+--target "$@"})
}

# host_env <litert|tflite|bench|larq|mlia|model-explorer|intel-opencl>: a pinned Python environment with a stock host runtime
# under build/venv; bench has LiteRT beside OpenVINO, and what draws plots; larq has LiteRT beside Larq's converter, zoo and
# interpreter; mlia has Arm's ML Inference Advisor for Ethos-U; model-explorer has Model Explorer's converter; intel-opencl
# has only the libraries that its wheels bring.
# Fails, having said why, where pip cannot reach an index.
host_env() {
  local name=$1 venv="$ROOT/build/venv/$1" packages
  case $name in
    litert) packages=(ai-edge-litert==2.3.0 numpy pillow) ;;
    bench) packages=(ai-edge-litert==2.3.0 numpy pillow openvino==2026.4.1 matplotlib==3.11.2) ;;
    larq) packages=(larq-compute-engine==0.16.0 larq==0.14.0 larq-zoo==2.4.0 tensorflow-cpu==2.16.1 tf_keras==2.16.0
      numpy==1.26.4 "setuptools<70" tqdm ai-edge-litert==2.3.0) ;;
    mlia) packages=(mlia==0.12.2 mlia-ethos-u==0.1.0 ethos-u-vela==5.2.0) ;;
    model-explorer) packages=(ai-edge-model-explorer-adapter==0.2.1) ;;
    intel-opencl) packages=(intel-opencl-rt==2026.2.0 intel-cmplr-lib-rt==2026.2.0) ;;
    tflite) packages=(tflite-runtime==2.14.0 "numpy<2") ;;
    *) echo "no host environment is called $name" >&2; return 1 ;;
  esac
  if [ -f "$venv/.complete" ]; then
    return 0
  fi
  rm -rf "$venv"
  # Debian's own interpreter: both runtimes publish wheels for its version.
  /usr/bin/python3 -m venv "$venv" || return 1
  if ! "$venv/bin/pip" install -q --disable-pip-version-check "${packages[@]}"; then
    echo "pip could not install ${packages[*]}: no package index within reach, or no wheel for this machine" >&2
    rm -rf "$venv"
    return 1
  fi
  touch "$venv/.complete"
}
