"""Every widget of the course, as a learner makes it, and a key press that each must answer."""

SETUP = """
from utils import data
from utils.exercises.quiz import QuizView, load
from utils.prediction import DigitReader
from utils.widgets.adversarial import AdversarialExplorer
from utils.widgets.architecture import ArchitectureExplorer
from utils.widgets.augmentation import AugmentationExplorer
from utils.widgets.confusion import ConfusionExplorer
from utils.widgets.descent import DescentExplorer
from utils.widgets.digits import DigitBrowser
from utils.widgets.feature_maps import FeatureMapBrowser
from utils.widgets.kernel import KernelExplorer
from utils.widgets.neighbors import NearestDigitExplorer
from utils.widgets.pad import DrawPad
from utils.widgets.pipeline import PipelineExplorer
from utils.widgets.schedule import ScheduleExplorer
from utils.widgets.threshold import ThresholdExplorer

mnist = data.load_mnist("sample")
images, labels = mnist.x_test, mnist.y_test
reader = DigitReader("tiny")
probabilities = reader.predict_batch(images)
"""

# What makes it, then the control to press a key on: its role, its name, the key.
EVERY = {
    "DrawPad(reader)": ("application", "Draw a digit", "Space"),
    "DigitBrowser(images, labels)": ("slider", "Page", "ArrowRight"),
    "AugmentationExplorer(images[:6])": ("slider", "Rotation", "ArrowRight"),
    "NearestDigitExplorer(mnist.x_train, mnist.y_train, images, labels)": (
        "slider",
        "Query",
        "ArrowRight",
    ),
    "DescentExplorer(images.mean(axis=(1, 2)) / 2.55, labels == 0)": (
        "button",
        "Take a step",
        "Enter",
    ),
    "KernelExplorer(images[0] / 255)": ("slider", "Row", "ArrowRight"),
    "ArchitectureExplorer()": ("slider", "Convolutions", "ArrowLeft"),
    "ScheduleExplorer(steps=100)": ("slider", "Peak rate", "ArrowRight"),
    "ConfusionExplorer(images, labels, probabilities)": ("button", "true 1, read as 1", "Enter"),
    "ThresholdExplorer(probabilities, labels)": ("slider", "Threshold", "ArrowRight"),
    "PipelineExplorer(reader)": ("combobox", "Seen on", "ArrowDown"),
    "FeatureMapBrowser(reader.model, images)": ("slider", "Digit", "ArrowRight"),
    "AdversarialExplorer(reader.model, images, labels)": ("slider", "Epsilon", "ArrowRight"),
    'QuizView(load("convolution_by_hand")[0])': ("button", "Answer", "Enter"),
}
