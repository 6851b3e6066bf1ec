"""An Ollama-compatible server for one machine, over llama.cpp and ONNX Runtime."""
