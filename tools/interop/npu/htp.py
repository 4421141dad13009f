"""Sessions of Qualcomm's HTP compiler, which compiles for the SoC that is named; without a device, its simulator runs them."""

import onnxruntime
import onnxruntime_qnn

PROVIDER = "QNNExecutionProvider"


def htp_options(soc: str, context: str) -> onnxruntime.SessionOptions:
    """
    Options with the compiler as the only provider of a session: what it refuses fails, because the CPU takes no nodes.

    soc: a number of Qualcomm's QnnTypes.h. context: where the EPContext model is written, its binary beside it.
    """
    if not any(device.ep_name == PROVIDER for device in onnxruntime.get_ep_devices()):
        onnxruntime.register_execution_provider_library(PROVIDER, onnxruntime_qnn.get_library_path())
    devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == PROVIDER]
    options = onnxruntime.SessionOptions()
    # Errors only: they name the nodes that are refused.
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    options.add_session_config_entry("ep.context_enable", "1")
    options.add_session_config_entry("ep.context_file_path", context)
    options.add_session_config_entry("ep.context_embed_mode", "0")
    options.add_provider_for_devices(
        devices, {"backend_path": onnxruntime_qnn.get_qnn_htp_path(), "soc_model": soc}
    )
    return options
