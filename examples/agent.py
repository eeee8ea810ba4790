"""An agent that calls tools until it has the answer; all its calls are one session.

opentelemetry-instrument python examples/agent.py
"""

import ast
import json
import operator
import uuid

from openai import OpenAI

client = OpenAI()

tools = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city right now",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                },
                "required": ["city", "unit"],
                "additionalProperties": False,
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "calculate",
            "description": "Evaluate an arithmetic expression such as (2 + 3) * 4",
            "parameters": {
                "type": "object",
                "properties": {"expression": {"type": "string"}},
                "required": ["expression"],
                "additionalProperties": False,
            },
        },
    },
]

WEATHER = {"Paris": (18, "cloudy"), "London": (15, "rainy"), "New York City": (25, "sunny")}
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
}


def get_weather(city: str, unit: str) -> str:
    if city not in WEATHER:
        return f"no weather known for {city}"
    celsius, sky = WEATHER[city]
    return f"{celsius} °C, {sky}" if unit == "celsius" else f"{celsius * 1.8 + 32:g} °F, {sky}"


def calculate(expression: str) -> str:
    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant(int() | float()):
                return node.value
            case ast.BinOp() if type(node.op) in OPERATORS:
                return OPERATORS[type(node.op)](value(node.left), value(node.right))
            case ast.UnaryOp() if type(node.op) in OPERATORS:
                return OPERATORS[type(node.op)](value(node.operand))
        raise ValueError("only numbers and + - * / are allowed")

    return f"{value(ast.parse(expression, mode='eval').body):g}"


def execute_tool(tool_call) -> str:
    execute = {"get_weather": get_weather, "calculate": calculate}
    try:
        return execute[tool_call.function.name](**json.loads(tool_call.function.arguments))
    except (KeyError, TypeError, ValueError, SyntaxError, ArithmeticError) as error:
        return f"error: {error}"  # the model reads it and can try again


def run_agent(task: str, customer_id: str) -> str:
    session_id = str(uuid.uuid4())
    messages = [{"role": "user", "content": task}]

    while True:
        response = client.chat.completions.create(
            model="gpt-4o",
            messages=messages,
            tools=tools,
            entity_type="customer",
            entity_id=customer_id,
            session_id=session_id,
            tags={"feature": "agent"},
        )

        message = response.choices[0].message
        messages.append(message)

        if message.tool_calls:
            # Execute tools and continue
            for tool_call in message.tool_calls:
                result = execute_tool(tool_call)
                messages.append(
                    {
                        "role": "tool",
                        "tool_call_id": tool_call.id,
                        "content": result,
                    }
                )
        else:
            # Agent finished
            return message.content


print(run_agent("Tell me the weather in Paris and calculate 18 * 1.8 + 32.", "acme-corp"))
