"""Serves a GGUF file behind OpenAI's interface on loopback, by one of the servers that people use.

    python api_servers.py SERVER MODEL PORT
"""

import sys
import threading


def serve_llama_cpp(model: str, port: int) -> None:
    """llama.cpp's own server, out of the wheel xllamacpp."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 4096
    params.n_parallel = 2
    params.cpuparams.n_threads = 1
    server = xllamacpp.Server(params)
    print(server.listening_address, file=sys.stderr, flush=True)
    threading.Event().wait()


def serve_llama_cpp_python(model: str, port: int) -> None:
    """The server of llama-cpp-python."""
    import uvicorn
    from llama_cpp.server.app import create_app
    from llama_cpp.server.settings import ModelSettings, ServerSettings

    app = create_app(
        server_settings=ServerSettings(host="127.0.0.1", port=port),
        model_settings=[ModelSettings(model=model, n_ctx=2048, n_threads=1, logits_all=True)],
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


SERVERS = {"llama.cpp": serve_llama_cpp, "llama-cpp-python": serve_llama_cpp_python}

if __name__ == "__main__":
    name, model, port = sys.argv[1:]
    SERVERS[name](model, int(port))
